from pathlib import Path

import numpy as np
import pytest

from mmerc.corpora import Corpus, Dialogue, Utterance, open_corpus
from mmerc.corpora.joined import join_corpora
from mmerc.emotions import SEVEN
from mmerc.errors import RunError
from mmerc.features import FeatureRow
from mmerc.features.store import FeatureStore
from mmerc.features.writer import FeatureWriter
from mmerc.training.splits import (
    CONTEXT,
    Choice,
    add_selection_split,
    choose_utterances,
    get_labels,
    get_selection_split,
    list_dialogue_keys,
)


def corpus(**labels: list[str | None]) -> Corpus:
    return Corpus("c", SEVEN, {
        split: tuple(Dialogue(split, n, (Utterance(split, n, 0, "A", "x", emotion=label),)) for n, label in enumerate(each))
        for split, each in labels.items()
    })  # fmt: skip


def test_a_corpus_without_dev_gives_every_tenth_dialogue() -> None:
    found = add_selection_split(corpus(train=["joy"] * 25, test=[None]))
    assert [len(found.splits[split]) for split in ("train", "held-out", "test")] == [23, 2, 1]
    assert [dialogue.dialogue for dialogue in found.splits["held-out"]] == [9, 19]
    assert len(add_selection_split(corpus(train=["joy"] * 3)).splits["held-out"]) == 1
    kept = add_selection_split(corpus(train=["joy"] * 10, dev=[None] * 3))
    assert (
        len(kept.splits["dev"]) == 3 and get_selection_split(kept) == "held-out"
    )  # a user's own dev rows stay to be predicted
    assert get_selection_split(add_selection_split(corpus(train=["joy"], dev=["fear"]))) == "dev"


def test_a_joined_corpus_without_dev_gives_every_tenth_of_its_dialogues_to_dev() -> None:
    a, b, c = corpus(train=["joy"] * 3, dev=["fear"]), corpus(train=["fear"] * 4), corpus(train=["joy"])
    found = add_selection_split(join_corpora({"a": a, "b": b, "c": c}))
    assert get_selection_split(found) == "dev"
    assert [each.dialogue for each in found.dialogues("dev")] == ["a/0", "b/3"]
    assert [each.dialogue for each in found.dialogues("train")] == ["a/0", "a/1", "a/2", "b/0", "b/1", "b/2", "c/0"]
    assert [each.key for each in found.utterances("dev")] == [("dev", "a/0", "0"), ("train", "b/3", "0")]
    held_out = add_selection_split(join_corpora({"b": b, "c": c}))
    assert [each.dialogue for each in held_out.dialogues(get_selection_split(held_out))] == ["b/3"]
    two_recordings = add_selection_split(join_corpora({"c": c, "d": c}))  # each with one dialogue
    assert [each.dialogue for each in two_recordings.dialogues("train")] == ["c/0"]
    assert [each.dialogue for each in two_recordings.dialogues("held-out")] == ["d/0"]
    with pytest.raises(RunError, match="only one training dialogue"):
        add_selection_split(c)


def test_labelled_utterances_are_chosen_and_with_dialogues_their_neighbours(tmp_path: Path) -> None:
    labels = {"a": [None, "joy", None, "fear"], "b": [None, None]}
    dialogues = tuple(
        Dialogue(
            "train",
            name,
            tuple(Utterance("train", name, n, "AB"[n % 2], emotion=each) for n, each in enumerate(emotions)),
        )
        for name, emotions in labels.items()
    )
    split = Corpus("c", SEVEN, {"train": dialogues})
    with FeatureWriter(tmp_path / "store") as writer:
        for each in split.utterances("train"):
            is_absent = each.key == ("train", "a", "3")
            writer.add(FeatureRow(each.key, None if is_absent else np.ones((2, 4)), "no clip" if is_absent else None))
    stores = [FeatureStore(tmp_path / "store")]
    alone = choose_utterances(split, "train", stores, by_dialogue=False)
    assert alone == Choice([("train", "a", "1")], [SEVEN.index("joy")], [0], ["B"])
    together = choose_utterances(split, "train", stores, by_dialogue=True)
    assert [key[1:] for key in together.keys] == [("a", "0"), ("a", "1"), ("a", "2")]
    assert (together.labels, together.speakers) == ([CONTEXT, SEVEN.index("joy"), CONTEXT], ["A", "B", "A"])


def test_the_corpus_of_each_utterance(tmp_path: Path) -> None:
    joined = join_corpora({"a": corpus(dev=["joy"]), "b": corpus(train=["fear"], dev=["fear"])})
    with FeatureWriter(tmp_path / "store") as writer:
        for each in joined.utterances("dev"):
            writer.add(FeatureRow(each.key, np.ones((1, 2))))
    choice = choose_utterances(joined, "dev", [FeatureStore(tmp_path / "store")], by_dialogue=False)
    assert [key[1] for key in choice.keys] == ["a/0", "b/0"] and choice.corpora == [0, 1]


def test_rows_that_a_table_calls_held_out_select_nothing(tmp_path: Path) -> None:
    rows = [f"{split},{split}{n},0,A,x,joy" for split in ("train", "dev", "held-out") for n in range(3)]
    for dev in (True, False):
        kept = [row for row in rows if dev or not row.startswith("dev,")]
        (tmp_path / "t.csv").write_text("\n".join(["split,dialogue,utterance,speaker,text,emotion", *kept]))
        found = add_selection_split(open_corpus(f"table:{tmp_path / 't.csv'}"))
        assert get_selection_split(found) == ("dev" if dev else "held-out")
        assert [turn.key[1] for turn in found.utterances("held-out (own)")] == ["held-out0", "held-out1", "held-out2"]


@pytest.mark.parametrize(
    ("splits", "sentence"),
    [
        ({"test": ["joy"]}, "no labelled train split"),
        ({"train": [None]}, "labelled splits: none"),
        ({"train": ["joy"]}, "only one training dialogue"),
    ],
)
def test_a_corpus_that_cannot_be_trained_on(splits: dict[str, list[str | None]], sentence: str) -> None:
    with pytest.raises(RunError, match=sentence):
        add_selection_split(corpus(**splits))


def test_labels_that_training_lacks_are_said(caplog: pytest.LogCaptureFixture) -> None:
    add_selection_split(corpus(train=["joy"] * 3, dev=["joy", "fear"], test=["anger", None]))
    assert [record.getMessage() for record in caplog.records] == [
        "dev has labels that no training utterance has: fear", "test has labels that no training utterance has: anger",
    ]  # fmt: skip


def test_what_is_read_with_the_labelled_utterances() -> None:
    labels = {"a": [None, "joy", None], "b": [None, None], "c": ["fear"]}
    dialogues = tuple(
        Dialogue("train", name, tuple(Utterance("train", name, n, emotion=each) for n, each in enumerate(emotions)))
        for name, emotions in labels.items()
    )
    found = Corpus("c", SEVEN, {"train": dialogues})
    labelled = get_labels(found, "train")
    assert labelled == {("train", "a", "1"): SEVEN.index("joy"), ("train", "c", "0"): SEVEN.index("fear")}
    assert list_dialogue_keys(labelled, found, "train") == [
        ("train", "a", "0"), ("train", "a", "1"), ("train", "a", "2"), ("train", "c", "0")
    ]  # fmt: skip
