import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mmerc.corpora import Corpus, Dialogue, Utterance, open_corpus
from mmerc.emotions import SEVEN
from mmerc.errors import RunError
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


def test_a_warm_start_from_a_trained_model(tmp_path: Path) -> None:
    from mmerc import config
    from mmerc.training.pipeline import train
    from mmerc.training.settings import check

    for name, labels in (("a", "joy fear"), ("b", "joy fear"), ("c", "high low")):
        rows = "".join(f"{n},0,A,words {n},{labels.split()[n % 2]},{'train' if n < 8 else 'dev'}\n" for n in range(12))
        (tmp_path / f"{name}.csv").write_text("dialogue,utterance,speaker,text,emotion,split\n" + rows)

    def trained(name: str, run: str, *overrides: str) -> dict[str, torch.Tensor]:
        # so slow that what a run starts from is what it ends with
        settings = config.load("smoke", None, ["text.epochs=1", "text.learning_rate=1e-12", *overrides])
        train(f"table:{tmp_path / name}.csv", tmp_path / run, check(settings, only=["text"]))
        return load_file(tmp_path / run / "model" / "encoders" / "text" / "model.safetensors")

    first = trained("a", "first", "seed=1")
    again = trained("b", "again", f"text.warm_start=model:{tmp_path / 'first' / 'model'}")
    assert all(torch.allclose(again[name], value, atol=1e-5) for name, value in first.items())
    other = trained("c", "other", f"text.warm_start=model:{tmp_path / 'first' / 'model'}")
    network = [name for name in first if not name.startswith("emotion.")]
    assert all(torch.allclose(other[name], first[name], atol=1e-5) for name in network)
    assert not torch.allclose(
        other["emotion.1.weight"], first["emotion.1.weight"]
    )  # other labels: a classifier of its own
    with pytest.raises(RunError, match="not a model folder"):
        trained("b", "nothing", f"text.warm_start=model:{tmp_path}")
    with pytest.raises(RunError, match="no network spectrogram"):
        network_file(tmp_path / "first" / "model", "spectrogram", SEVEN)


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
