import json
from pathlib import Path

import pytest

from mmerc.corpora import Corpus
from mmerc.emotions import SEVEN
from mmerc.errors import ConfigError, RunError
from mmerc.evaluation import evaluate
from mmerc.evaluation.cross_corpus import evaluate_cross, list_shared_labels, name_corpora
from mmerc.evaluation.external import evaluate_on
from tests.cli.run import run
from tests.training.packs import make_config, write_pack

OPTIONS = ("--modalities", "pulse", "--set", "pulse.epochs=2")


def test_the_command_trains_each_corpus_and_tests_on_the_others(tmp_path: Path) -> None:
    one, two = (write_pack(tmp_path / name, speakers=3) for name in ("one", "two"))
    file = tmp_path / "two" / "utterances.csv"
    file.write_text(file.read_text().replace("train,0-1,0,s0,,fear", "train,0-1,0,s0,,anger"))
    cross, out = f"{one.location},{two.location}", tmp_path / "out"
    result = run("evaluate", "--cross", cross, "--out", out, *OPTIONS, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found == json.loads((out / "cross.json").read_text())
    assert list(found["matrix"]) == list(found["corpora"]) == ["one", "two"]
    cell = found["matrix"]["one"]["two"]
    assert cell["labels"] == ["fear", "joy"] and cell["scored"] == 11  # of both splits; the model knows no anger
    assert found["matrix"]["two"]["one"]["scored"] == 12
    own = found["matrix"]["one"]["one"]
    assert own["split"] == "dev" and own["mean"] == evaluate(out / "one", "dev")["systems"]["pulse"]["mean"]
    part = evaluate_on(out / "two", one, "dev")["systems"]["pulse"]["utterances"]
    assert part == 4  # of the 12 that the matrix counts
    trained = (out / "one" / "encoders" / "pulse" / "model.safetensors").stat().st_mtime_ns
    again = run("evaluate", "--cross", cross, "--out", out, *OPTIONS)
    assert (out / "one" / "encoders" / "pulse" / "model.safetensors").stat().st_mtime_ns == trained
    shown = " ".join(again.stdout.split())
    assert "UAR, train on / test on" in shown and "Weighted F1, train on / test on" in shown
    assert "Diagonal: the corpus's own split (one dev, two dev)" in shown


def test_names_are_those_of_folders_and_differ() -> None:
    corpora = [Corpus(name, SEVEN, {}) for name in ("MELD", "my talk.v2", "meld", "../x", "!")]
    assert name_corpora(corpora) == ["meld", "my-talk-v2", "meld-2", "x", "corpus"]


def test_what_cannot_be_compared_is_said_before_training(tmp_path: Path) -> None:
    one, two = write_pack(tmp_path / "one"), write_pack(tmp_path / "two", joy="bored")
    assert list_shared_labels(one, two) == ["fear"]
    with pytest.raises(ConfigError, match=r"one and two share fewer than two labels \(fear\): leave one out"):
        evaluate_cross([one, two], tmp_path / "out", make_config)
    with pytest.raises(ConfigError, match="needs two or more corpora"):
        evaluate_cross([one], tmp_path / "out", make_config)
    assert not (tmp_path / "out").exists()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").touch()
    with pytest.raises(RunError, match="is a run folder: choose another --out"):
        evaluate_cross([one, one], tmp_path / "run", make_config)
