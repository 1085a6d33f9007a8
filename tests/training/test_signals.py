from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mmerc import load_config
from mmerc.cli import app
from mmerc.config import Settings, read_settings
from mmerc.corpora import Clip, Corpus, Dialogue, Utterance
from mmerc.emotions import SEVEN
from mmerc.errors import ConfigError
from mmerc.training.run_config import check_config
from mmerc.training.signals import add_signals

COMPACT = read_settings("compact", None)


def corpus(**fields: object) -> Corpus:
    utterance = replace(Utterance("train", 0, 0, "A", emotion="joy"), **fields)  # type: ignore[arg-type]
    return Corpus("c", SEVEN, {"train": (Dialogue("train", 0, (utterance,)),)})


def sections(settings: Settings) -> dict[str, Settings]:
    check_config(settings)
    found: dict[str, Settings] = settings["modalities"]
    return found


def test_a_corpus_without_signals_keeps_the_preset() -> None:
    assert add_signals(COMPACT, corpus(text="hi")) == COMPACT
    assert add_signals(COMPACT, corpus(signals={"face": b"a picture"})) == COMPACT


def test_each_signal_gets_an_encoder_and_the_text_network_stays() -> None:
    signals = {"text": np.ones(3), "pulse": np.ones((5, 2))}
    found = sections(add_signals(COMPACT, corpus(text="hi", signals=signals)))
    assert list(found) == ["pulse", "text", "words"]
    assert (found["text"]["dialogue_context"], found["pulse"]["dialogue_context"]) == (True, False)
    assert found["words"]["encoder"] == "dialogue"
    assert list(sections(add_signals(COMPACT, corpus(text="hi", signals={"pulse": np.ones(2)})))) == ["pulse", "text"]


def test_networks_for_clips_stay_where_no_signal_has_their_name() -> None:
    with_clip = corpus(clip=Clip(Path("a.mp4")), signals={"face": np.ones(2)})
    assert list(sections(add_signals(COMPACT, with_clip))) == ["face", "audio"]


def test_a_fusion_of_leaky_signals_is_trained_briefly() -> None:
    signals = {"text": np.ones(3), "pulse": np.ones((5, 2))}
    leaky = replace(corpus(text="hi", signals=signals), leaky_signals=("text",))
    assert add_signals(COMPACT, leaky)["fusion"]["epochs"] == 8 < COMPACT["fusion"]["epochs"]
    assert add_signals(COMPACT, leaky, ["pulse", "words"])["fusion"] == COMPACT["fusion"]
    noise = [
        {name: sections(add_signals(COMPACT, each))[name]["noise_std"] for name in signals}
        for each in (leaky, replace(leaky, leaky_signals=()))
    ]
    assert noise == [{"text": 1.5, "pulse": 0.0}, {"text": 0.7, "pulse": 0.0}]


def test_a_signal_with_an_invalid_name() -> None:
    signals = {"fused": np.ones(2), "pose": np.ones(2)}
    with pytest.raises(ConfigError, match='"fused" cannot name a modality'):
        add_signals(COMPACT, corpus(signals=signals))
    assert list(sections(add_signals(COMPACT, corpus(signals=signals), ["pose"]))) == ["pose"]  # it is not wanted


def test_one_odd_utterance_changes_no_signal() -> None:
    utterances = tuple(
        Utterance("train", 0, n, "A", emotion="joy", signals={"pose": np.ones((2, 3) if n == 1 else 3)})
        for n in range(4)
    )
    found = sections(add_signals(COMPACT, Corpus("c", SEVEN, {"train": (Dialogue("train", 0, utterances),)})))
    assert (found["pose"]["dialogue_context"], found["pose"]["noise_std"]) == (True, 0.7)


def test_the_text_network_gets_a_free_name() -> None:
    signals = {"text": np.ones(3), "words": np.ones(3)}
    found = sections(add_signals(COMPACT, corpus(text="hi", signals=signals)))
    assert found["words"]["encoder"] == found["text"]["encoder"] == "signal"
    assert found["words-2"]["encoder"] == "dialogue"


def write_pack(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    rows = ["dialogue,utterance,speaker,text,emotion,split"]
    arrays = {}
    for number in range(60):
        split = "train" if number < 40 else "dev" if number < 50 else "test"
        rows.append(f"{number // 5},{number % 5},A,,{'joy' if number % 2 else 'anger'},{split}")
        arrays[f"{number // 5}/{number % 5}"] = rng.normal(number % 2 * 3, 1, (int(rng.integers(2, 6)), 2))
    folder.mkdir()
    (folder / "utterances.csv").write_text("\n".join(rows) + "\n")
    np.savez(folder / "pulse.npz", **arrays)
    np.savez(folder / "skin.npz", **{key: value.mean(0) for key, value in arrays.items()})
    return folder


def test_a_pack_becomes_a_run_that_predicts(tmp_path: Path) -> None:
    location = f"pack:{write_pack(tmp_path / 'mine')}"
    overrides = ("pulse.epochs=8", "skin.epochs=8", "fusion.epochs=8", "trainer.num_threads=1")
    options = [word for override in overrides for word in ("--set", override)]
    result = CliRunner().invoke(app, ["train", location, "--out", str(tmp_path / "run"), *options])
    assert result.exit_code == 0, result.stderr
    assert "fused" in result.stdout
    model = str(tmp_path / "run" / "model")
    predicted = CliRunner().invoke(app, ["predict", model, f"{location}#test", "--format", "csv"])
    assert predicted.exit_code == 0, predicted.stderr
    emotions = [line.split(",")[7] for line in predicted.stdout.splitlines()[1:]]
    assert len(emotions) == 10 and sum(a == b for a, b in zip(emotions, ["anger", "joy"] * 5, strict=True)) >= 8


@pytest.mark.parametrize(("mapping", "location"), [("text", "pack:x.pkl"), ("text=3", "meld:x"), ("=3", "pack:x.pkl")])
def test_a_mapping_is_for_packs_and_has_two_sides(mapping: str, location: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["train", location, "--out", str(tmp_path / "run"), "--map", mapping])
    assert result.exit_code == 2 and "write it as role=index" in result.stderr


def test_without_a_file_the_signals_of_the_corpus_are_added() -> None:
    config = load_config("compact", corpus=corpus(signals={"pulse": np.ones(2)}))
    assert list(config.modalities) == ["pulse"]
