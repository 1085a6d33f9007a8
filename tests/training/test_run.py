import json
from pathlib import Path

import numpy as np
import pytest

from mmerc import config
from mmerc.corpora import open_corpus
from mmerc.errors import ConfigError, RunError
from mmerc.fusion import FusionConfig
from mmerc.training.run import renamed, train
from mmerc.training.run_config import check
from mmerc.training.run_folder import read_config
from mmerc.training.signals import with_signals


def test_the_run_folder_of_the_design(small_run: Path) -> None:
    there = {str(file.relative_to(small_run)) for file in small_run.rglob("*")}
    for expected in (
        "config.yaml", "environment.json", "log.jsonl", "encoders/text/model.safetensors", "features/audio",
        "fusion/model.safetensors", "predictions/test.jsonl", "predictions/face/test.jsonl", "model/config.json",
        "model/README.md", "model/encoders/face/model.safetensors",
    ):  # fmt: skip
        assert expected in there
    assert not [
        name for name in there if ".partial" in name or name.endswith(".checkpoint") or name.startswith("inputs")
    ]


def test_every_article_part_was_exercised(small_run: Path) -> None:
    events = [json.loads(line) for line in (small_run / "log.jsonl").read_text().splitlines()]
    stages = {event["stage"]: event for event in events if event.get("epoch") == 2}
    assert list(stages) == ["text", "audio", "face", "fusion"]
    assert {
        "loss_emotion",
        "loss_next_sentence",
        "loss_language_model",
        "next_sentence_accuracy",
        "perplexity",
        "dev_next_sentence_accuracy",
        "dev_perplexity",
    } <= stages["text"].keys()


def test_no_row_is_dropped_and_each_says_what_was_there(small_run: Path, small_corpus: Path) -> None:
    rows = [json.loads(line) for line in (small_run / "predictions" / "test.jsonl").read_text().splitlines()]
    turns = list(open_corpus(f"meld:{small_corpus}").utterances("test"))
    assert [(row["dialogue"], row["utterance"]) for row in rows] == [(turn.dialogue, turn.utterance) for turn in turns]
    for row, turn in zip(rows, turns, strict=True):
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert row["emotion"] == max(row["probabilities"], key=row["probabilities"].get)
        assert "text" in row["modalities"]
        assert turn.clip is not None or row["modalities"] == ["text"]


def test_the_same_command_again_changes_nothing(small_run: Path, small_corpus: Path) -> None:
    before = (small_run / "predictions" / "test.jsonl").read_text()
    trained = (small_run / "encoders" / "text" / "model.safetensors").stat().st_mtime_ns
    train(f"meld:{small_corpus}", small_run, check(config.load("smoke", None, [])))
    assert (small_run / "predictions" / "test.jsonl").read_text() == before
    assert (small_run / "encoders" / "text" / "model.safetensors").stat().st_mtime_ns == trained


def test_what_another_fusion_cannot_be_is_said_before_anything_is_trained(tmp_path: Path) -> None:
    reading = FusionConfig(d_model=8, fused_size=8, num_heads=2, dialogue_context=True)
    assert renamed(reading, "mult").dialogue_context and not renamed(reading, "late_stacking").dialogue_context
    with pytest.raises(ConfigError, match=r"fusion.num_heads \(3\) divides"):
        renamed(FusionConfig(d_model=6, num_heads=3, fused_size=8), "ctnet")


def test_a_modality_that_nobody_has_is_found_before_anything_is_trained(tmp_path: Path) -> None:
    rows = "".join(f"{n},0,A,words {n},joy,{'train' if n < 8 else 'dev'}\n" for n in range(12))
    (tmp_path / "t.csv").write_text("dialogue,utterance,speaker,text,emotion,split\n" + rows)
    with pytest.raises(RunError, match="audio: not one labelled utterance of the train split has it"):
        train(f"table:{tmp_path / 't.csv'}", tmp_path / "run", check(config.load("smoke", None, [])))
    assert not (tmp_path / "run" / "encoders").exists()


def test_a_graphics_card_that_is_not_there_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.accelerator.is_available", lambda: False)
    settings = config.load("smoke", None, ["trainer.accelerator=gpu"])
    with pytest.raises(ConfigError, match="torch finds none here: set it to auto or cpu"):
        train(f"table:{tmp_path / 't.csv'}", tmp_path / "run", check(settings))


def test_further_seeds_join_those_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    rows, arrays = ["split,dialogue,utterance,speaker,text,emotion"], {}
    for number in range(40):
        split = ("train", "train", "dev", "test")[number % 4]
        rows.append(f"{split},{number},0,A,,{'joy' if number % 8 < 4 else 'fear'}")
        arrays[f"{number}/0"] = rng.normal(number % 8 < 4, 1, (3, 2))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "utterances.csv").write_text("\n".join(rows))
    for name in ("pulse", "skin"):
        np.savez(tmp_path / "mine" / f"{name}.npz", **arrays)
    location = f"pack:{tmp_path / 'mine'}"
    settings = with_signals(config.load("compact", None, []), open_corpus(location))
    few = [f"{name}.epochs=2" for name in ("pulse", "skin", "fusion")]
    checked = check(config.overridden(settings, few))
    train(location, tmp_path / "grown", checked, 1)
    with pytest.raises(ZeroDivisionError):  # something ends it before the second seed
        monkeypatch.setattr("mmerc.training.run.Seed.run", lambda self, fusions: 1 / 0)
        train(location, tmp_path / "grown", checked, 2)
    monkeypatch.undo()
    assert (tmp_path / "grown" / "model" / "config.json").is_file()  # what was trained is still of use
    finished: list[bool] = []
    train(location, tmp_path / "grown", checked, 2, finish=lambda: finished.append(True))
    assert finished == [True]
    train(location, tmp_path / "whole", checked, 2)
    for part in ("seed-0/predictions/test.jsonl", "seed-1/predictions/test.jsonl", "model/config.json"):
        assert (tmp_path / "grown" / part).read_text() == (tmp_path / "whole" / part).read_text(), part
    assert {path.name for path in (tmp_path / "grown").iterdir()} == {
        path.name for path in (tmp_path / "whole").iterdir()
    }
    assert read_config(tmp_path / "grown")[2] == 2
