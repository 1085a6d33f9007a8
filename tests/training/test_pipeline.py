import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mmerc.corpora import Corpus, Dialogue, Utterance, open_corpus
from mmerc.emotions import SEVEN
from mmerc.errors import ConfigError, RunError
from mmerc.fusion import FusionConfig
from mmerc.training.model_folder import network_file
from mmerc.training.pipeline import selection_of, trainable


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
    from mmerc import config
    from mmerc.training.pipeline import train
    from mmerc.training.settings import check

    before = (small_run / "predictions" / "test.jsonl").read_text()
    trained = (small_run / "encoders" / "text" / "model.safetensors").stat().st_mtime_ns
    train(f"meld:{small_corpus}", small_run, check(config.load("smoke", None, [])))
    assert (small_run / "predictions" / "test.jsonl").read_text() == before
    assert (small_run / "encoders" / "text" / "model.safetensors").stat().st_mtime_ns == trained


def test_a_warm_start_on_another_corpus(tmp_path: Path) -> None:
    from mmerc import config
    from mmerc.training.pipeline import train
    from mmerc.training.settings import check

    (tmp_path / "go").mkdir()
    (tmp_path / "go" / "labels.txt").write_text("anger\ndisgust\nfear\njoy\nneutral\nsadness\nsurprise")
    for split in ("train", "dev"):
        (tmp_path / "go" / f"{split}.tsv").write_text("".join(f"some words {n}\t{n % 7}\tid{n}\n" for n in range(14)))
    rows = "".join(f"{n},0,A,words {n},{'joy' if n % 2 else 'fear'},{'train' if n < 8 else 'dev'}\n" for n in range(12))
    (tmp_path / "t.csv").write_text("dialogue,utterance,speaker,text,emotion,split\n" + rows)

    def stages(run: str, warm_start: str, seeds: int = 1) -> list[str]:
        settings = config.load("smoke", None, [f"text.warm_start={warm_start}", "text.epochs=1"])
        train(f"table:{tmp_path / 't.csv'}", tmp_path / run, check(settings, only=["text"]), seeds)
        assert not list((tmp_path / run).rglob("*.checkpoint")) and not (tmp_path / run / "warm").exists()
        return [json.loads(line)["stage"] for line in (tmp_path / run / "log.jsonl").read_text().splitlines()]

    assert stages("asked", f"goemotions:{tmp_path / 'go'}") == ["text on GoEmotions", "text"]
    assert stages("once", f"goemotions:{tmp_path / 'go'}", seeds=2) == ["text on GoEmotions", "text", "text"]
    assert stages("absent", "'goemotions:'") == ["text"]
    (tmp_path / "go").rename(tmp_path / "goemotions")
    assert stages("beside", "'goemotions:'") == ["text on GoEmotions", "text"]
    (tmp_path / "goemotions" / "labels.txt").unlink()
    assert stages("broken", "'goemotions:'") == ["text"]


def sensors(folder: Path, names: str, labels: str) -> str:
    """A pack with a signal of each name, a vector of three an utterance."""
    dice = np.random.default_rng(len(labels))
    folder.mkdir()
    lines = [f"{n},0,A,,{labels.split()[n % 2]},{'train' if n < 8 else 'dev'}" for n in range(12)]
    (folder / "utterances.csv").write_text("\n".join(["dialogue,utterance,speaker,text,emotion,split", *lines]) + "\n")
    for name in names.split():
        np.savez(folder / f"{name}.npz", **{f"{n}/0": dice.normal(0, 1, 3) for n in range(12)})
    return f"pack:{folder}"


def test_a_warm_start_from_a_trained_model(tmp_path: Path) -> None:
    from mmerc.training.pipeline import train
    from mmerc.training.settings import check

    def trained(place: str, run: str, names: str, start: str = "", seeds: int = 1) -> dict[str, torch.Tensor]:
        stage = {
            "encoder": "signal",
            "hidden": 4,
            "epochs": 1,
            "learning_rate": 1e-12,
        }  # it ends with what it starts from
        settings = {name: {**stage, "signal": name, "warm_start": start} for name in names.split()}
        train(place, tmp_path / run, check({**settings, "seed": len(run), "trainer": {"threads": 1}}), seeds)
        last = tmp_path / run / (f"seed-{seeds - 1}" if seeds > 1 else "") / "model" / "encoders" / names.split()[-1]
        return load_file(last / "model.safetensors")

    def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> set[str]:
        return {
            name
            for name in one
            if one[name].shape == other[name].shape and torch.allclose(one[name], other[name], atol=1e-5)
        }

    first = trained(sensors(tmp_path / "a", "skin pulse", "joy fear"), "first", "skin pulse")
    start = f"model:{tmp_path / 'first' / 'model'}"
    again = trained(sensors(tmp_path / "b", "pulse", "joy fear"), "the second", "pulse", start, seeds=2)
    assert same(first, again) == set(first)  # the one of its own name, for the second seed, too
    other = trained(sensors(tmp_path / "c", "pulse", "high low"), "another", "pulse", start)
    assert same(first, other) == {name for name in first if not name.startswith("emotion.")}
    assert not (tmp_path / "another" / "warm").exists()
    with pytest.raises(RunError, match="not a model folder"):
        trained(f"pack:{tmp_path / 'b'}", "nothing", "pulse", f"model:{tmp_path}")
    with pytest.raises(RunError, match="of networks spectrogram it has none"):
        network_file(tmp_path / "first" / "model", "audio", "spectrogram", SEVEN)
    with pytest.raises(RunError, match=r"several \(pulse, skin\) and none of them is heart"):
        network_file(tmp_path / "first" / "model", "heart", "signal", SEVEN)


def test_a_learned_vocabulary_is_handed_to_no_other_model() -> None:
    from mmerc import config
    from mmerc.training.settings import check

    with pytest.raises(ConfigError, match="a vocabulary that is learned from a corpus fits no other model"):
        check(config.load("smoke", None, ["text.warm_start=model:x"]))


def test_what_another_fusion_cannot_be_is_said_before_anything_is_trained(tmp_path: Path) -> None:
    from mmerc.training.pipeline import renamed

    reading = FusionConfig(width=8, size=8, heads=2, context=True)
    assert renamed(reading, "mult").context and not renamed(reading, "late_stacking").context
    with pytest.raises(ConfigError, match="fusion.heads divides"):
        renamed(FusionConfig(width=6, heads=3, size=8), "ctnet")


def corpus(**labels: list[str | None]) -> Corpus:
    return Corpus("c", SEVEN, {
        split: tuple(Dialogue(split, n, (Utterance(split, n, 0, "A", "x", emotion=label),)) for n, label in enumerate(each))
        for split, each in labels.items()
    })  # fmt: skip


def test_a_corpus_without_dev_gives_every_tenth_dialogue() -> None:
    found = trainable(corpus(train=["joy"] * 25, test=[None]))
    assert [len(found.splits[split]) for split in ("train", "held-out", "test")] == [23, 2, 1]
    assert [dialogue.dialogue for dialogue in found.splits["held-out"]] == [9, 19]
    assert len(trainable(corpus(train=["joy"] * 3)).splits["held-out"]) == 1
    kept = trainable(corpus(train=["joy"] * 10, dev=[None] * 3))
    assert (
        len(kept.splits["dev"]) == 3 and selection_of(kept) == "held-out"
    )  # a user's own dev rows stay to be predicted
    assert selection_of(trainable(corpus(train=["joy"], dev=["fear"]))) == "dev"


@pytest.mark.parametrize(
    ("splits", "sentence"),
    [
        ({"test": ["joy"]}, "no labelled train split"),
        ({"train": [None]}, "labelled: none"),
        ({"train": ["joy"]}, "only one training dialogue"),
    ],
)
def test_a_corpus_that_cannot_be_trained_on(splits: dict[str, list[str | None]], sentence: str) -> None:
    with pytest.raises(RunError, match=sentence):
        trainable(corpus(**splits))
