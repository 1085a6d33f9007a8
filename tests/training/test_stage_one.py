from pathlib import Path

import numpy as np
import pytest

from mmerc import load_config, open_corpus, train
from mmerc.addresses import RemotePath
from mmerc.errors import ConfigError, RunError
from mmerc.evaluation.report import write_report
from mmerc.files import read_json, write_json
from mmerc.scale.extraction import ExtractionJob, extract
from mmerc.training.stage_one import DESCRIPTION
from mmerc.transfers import upload
from mmerc.weights import read_tensors


def test_the_fusion_is_trained_on_a_store_at_an_address(
    small_run: Path, small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path / "cache"))
    store, model = RemotePath("memory://stage/features"), RemotePath("memory://stage/model")
    upload(small_run / "model", model)
    extract(f"meld:{small_corpus}", store, ExtractionJob(model=str(model)))
    corpus, out = open_corpus(f"meld:{small_corpus}"), tmp_path / "run"
    train(corpus, out, load_config("smoke", overrides=[f"encoders={model}", f"features={store}"]))
    assert not (out / "features").exists() and not (out / "inputs").exists()
    name = "model/encoders/text/model.safetensors"
    assert (out / name).read_bytes() == (small_run / name).read_bytes()
    one, other = (read_tensors(run / "model/fusion/model.safetensors") for run in (out, small_run))
    for key, value in one.items():
        assert np.allclose(value.numpy(), other[key].numpy(), atol=1e-3), key
    assert write_report(out).is_file()
    described = read_json(store / DESCRIPTION)
    write_json(store / DESCRIPTION, described | {"model": "another"})
    with pytest.raises(RunError, match="has the features of another model than"):
        train(corpus, tmp_path / "other", load_config("smoke", overrides=[f"encoders={model}", f"features={store}"]))


@pytest.mark.parametrize(
    ("overrides", "modalities", "message"),
    [
        (["features=x"], None, "features are given without their encoders"),
        (["encoders={model}"], ["text"], "predicts anger, .* and table has other labels: train the encoders"),
    ],
)
def test_encoders_that_do_not_fit(
    overrides: list[str], modalities: list[str] | None, message: str, small_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "table.csv").write_text(
        "dialogue,utterance,speaker,text,emotion,split\n1,0,A,Yes.,calm,train\n2,0,A,No.,tense,train\n3,0,A,Oh.,calm,dev\n"
    )
    given = [each.format(model=small_run / "model") for each in overrides]
    config = load_config("smoke", overrides=given, modalities=modalities)
    with pytest.raises(ConfigError, match=message):
        train(open_corpus(f"table:{tmp_path / 'table.csv'}"), tmp_path / "run", config)


def test_a_store_that_lacks_utterances(small_run: Path, small_corpus: Path, tmp_path: Path) -> None:
    extract(f"meld:{small_corpus}#dev", tmp_path / "store", ExtractionJob(model=str(small_run / "model")))
    config = load_config("smoke", overrides=[f"encoders={small_run / 'model'}", f"features={tmp_path / 'store'}"])
    with pytest.raises(RunError, match="lacks 20 of 28 utterances, such as train 0 0: extract them, too"):
        train(open_corpus(f"meld:{small_corpus}"), tmp_path / "run", config)
