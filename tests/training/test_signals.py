from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mmerc import config
from mmerc.cli import app
from mmerc.corpora import Clip, Corpus, Dialogue, Utterance
from mmerc.emotions import SEVEN
from mmerc.errors import ConfigError
from mmerc.training.run_config import check
from mmerc.training.signals import with_signals

COMPACT = config.load("compact", None, [])


def corpus(**fields: object) -> Corpus:
    turn = replace(Utterance("train", 0, 0, "A", emotion="joy"), **fields)  # type: ignore[arg-type]
    return Corpus("c", SEVEN, {"train": (Dialogue("train", 0, (turn,)),)})


def test_a_corpus_without_signals_takes_the_preset_as_it_is() -> None:
    assert with_signals(COMPACT, corpus(text="hi")) == COMPACT
    assert with_signals(COMPACT, corpus(signals={"face": b"a picture"})) == COMPACT


def test_each_signal_gets_an_encoder_and_words_stay() -> None:
    signals = {"text": np.ones(3), "pulse": np.ones((5, 2))}
    settings = with_signals(COMPACT, corpus(text="hi", signals=signals))
    checked = check(settings).modalities
    assert list(checked) == ["pulse", "text", "words"]
    assert (checked["text"].dialogue_context, checked["pulse"].dialogue_context) == (True, False)  # type: ignore[attr-defined]
    assert checked["words"].encoder == "bert" and settings["fusion"] == COMPACT["fusion"]
    assert list(check(with_signals(COMPACT, corpus(text="hi", signals={"pulse": np.ones(2)}))).modalities) == [
        "pulse", "text",
    ]  # fmt: skip
    told = replace(corpus(text="hi", signals=signals), leaky_signals=("text",))
    assert with_signals(COMPACT, told)["fusion"]["epochs"] == 8 < COMPACT["fusion"]["epochs"]
    assert with_signals(COMPACT, told, ["pulse", "words"])["fusion"] == COMPACT["fusion"]
    noises = [
        {name: with_signals(COMPACT, each)[name]["noise_std"] for name in signals}
        for each in (told, replace(told, leaky_signals=()))
    ]
    assert noises == [{"text": 1.5, "pulse": 0.0}, {"text": 0.7, "pulse": 0.0}]
    with_clip = corpus(clip=Clip(Path("a.mp4")), signals={"face": np.ones(2)})
    assert list(check(with_signals(COMPACT, with_clip)).modalities) == ["face", "audio"]


def test_a_signal_must_not_be_called_as_a_setting_is() -> None:
    with pytest.raises(ConfigError, match='"seed" cannot name a modality, for it has a meaning already'):
        with_signals(COMPACT, corpus(signals={"seed": np.ones(2)}))
    signals = {"seed": np.ones(2), "pose": np.ones(2)}
    settings = with_signals(COMPACT, corpus(signals=signals), ["pose"])  # which nobody wants
    assert "seed" not in settings and list(check(settings, only=["pose"]).modalities) == ["pose"]


def test_one_odd_utterance_changes_no_signal() -> None:
    turns = tuple(
        Utterance("train", 0, n, "A", emotion="joy", signals={"pose": np.ones((2, 3) if n == 1 else 3)})
        for n in range(4)
    )
    settings = with_signals(COMPACT, Corpus("c", SEVEN, {"train": (Dialogue("train", 0, turns),)}))
    assert (settings["pose"]["dialogue_context"], settings["pose"]["noise_std"]) == (True, 0.7)


def test_the_words_have_a_name_of_their_own() -> None:
    signals = {"text": np.ones(3), "words": np.ones(3)}
    settings = with_signals(COMPACT, corpus(text="hi", signals=signals))
    assert settings["words"]["encoder"] == settings["text"]["encoder"] == "signal"
    assert settings["words-2"]["encoder"] == "bert"


def pack(folder: Path) -> Path:
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
    place = f"pack:{pack(tmp_path / 'mine')}"
    few = [
        "--set",
        "pulse.epochs=8",
        "--set",
        "skin.epochs=8",
        "--set",
        "fusion.epochs=8",
        "--set",
        "trainer.threads=1",
    ]
    result = CliRunner().invoke(app, ["train", place, "--out", str(tmp_path / "run"), *few])
    assert result.exit_code == 0, result.stderr
    assert "fused" in result.stdout
    said = CliRunner().invoke(app, ["predict", str(tmp_path / "run" / "model"), f"{place}#test", "--format", "csv"])
    assert said.exit_code == 0, said.stderr
    emotions = [line.split(",")[7] for line in said.stdout.splitlines()[1:]]
    assert len(emotions) == 10 and sum(a == b for a, b in zip(emotions, ["anger", "joy"] * 5, strict=True)) >= 8


@pytest.mark.parametrize(("place", "location"), [("text", "pack:x.pkl"), ("text=3", "meld:x"), ("=3", "pack:x.pkl")])
def test_a_map_is_for_packs_and_has_two_sides(place: str, location: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["train", location, "--out", str(tmp_path / "run"), "--map", place])
    assert result.exit_code == 2 and "write it as role=place" in result.stderr
