"""Packs in every layout that the manual names, made here with small literal values."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmerc.corpora import open_corpus
from mmerc.errors import CorpusError


def tuple_of(*, meld: bool, face: bool, roberta: bool) -> tuple[Any, ...]:
    """Two dialogues of two and one utterances, as DialogueRNN and its followers store them."""

    def features(start: float) -> dict[int, list[np.ndarray]]:
        return {0: [np.array([start, 1.0]), np.array([start, 2.0])], 7: [np.array([start, 3.0])]}

    speakers: Any = {0: [[1, 0], [0, 1]], 7: [[0, 1]]} if meld else {0: ["M", "F"], 7: ["F"]}
    parts = [{0: ["a", "b"], 7: ["c"]}, speakers, {0: [0, 4], 7: [2]}, features(10.0)]
    parts += [features(number) for number in (20.0, 30.0, 40.0)] if roberta else []
    parts += [features(50.0), *([features(60.0)] if face else [])]
    parts += [{0: ["Hi.", "Oh no!"], 7: [""]}, {0}, [7]]
    return (*parts, *([{0: [0, 1], 7: [2]}] if meld else []))


@pytest.mark.parametrize(
    ("content", "signals", "emotions"),
    [
        (tuple_of(meld=True, face=False, roberta=False), "text audio", ["neutral", "joy", "fear"]),
        (tuple_of(meld=True, face=True, roberta=False), "text audio face", ["neutral", "joy", "fear"]),
        (tuple_of(meld=True, face=True, roberta=True), "text text2 text3 text4 audio face", ["neutral", "joy", "fear"]),
        (tuple_of(meld=False, face=True, roberta=False), "text audio face", ["happy", "excited", "neutral"]),
        (tuple_of(meld=False, face=True, roberta=True), "text text2 text3 text4 audio face",
         ["happy", "excited", "neutral"]),
    ],
    ids=["DialogueRNN MELD", "MMGCN MELD", "with RoBERTa", "IEMOCAP", "IEMOCAP with RoBERTa"],
)  # fmt: skip
def test_tuples_keyed_by_dialogue(tmp_path: Path, content: Any, signals: str, emotions: list[str]) -> None:
    (tmp_path / "features.pkl").write_bytes(pickle.dumps(content, protocol=2))
    corpus = open_corpus(f"pack:{tmp_path / 'features.pkl'}")
    utterances = [*corpus.utterances("train"), *corpus.utterances("test")]
    assert [utterance.key for utterance in utterances] == [("train", "0", "0"), ("train", "0", "1"), ("test", "7", "0")]
    assert [utterance.emotion for utterance in utterances] == emotions
    assert [utterance.text for utterance in utterances] == ["Hi.", "Oh no!", None]
    assert list(utterances[0].signals) == signals.split()
    assert np.array_equal(utterances[1].signals["audio"], [50.0, 2.0])  # type: ignore[arg-type]
    assert utterances[0].speaker != utterances[1].speaker == utterances[2].speaker


def test_a_map_gives_the_index_of_each_role(tmp_path: Path) -> None:
    whole = tuple_of(meld=True, face=False, roberta=False)
    (tmp_path / "mine.pkl").write_bytes(pickle.dumps([whole[3], whole[2], whole[6], whole[7]]))
    location = f"pack:{tmp_path / 'mine.pkl'}"
    with pytest.raises(CorpusError, match="a tuple of 4 elements, which is not a known layout"):
        open_corpus(location)
    corpus = open_corpus(f"{location}?pulse=0&labels=1&train=2&test=3")
    assert [utterance.emotion for utterance in corpus.utterances("train")] == ["0", "4"]
    assert corpus.labels.names == ("0", "2", "4")
    named = open_corpus(f"{location}?pulse=0&labels=1&train=2&test=3&names=Calm,a,tense,b,glad")
    assert [utterance.emotion for utterance in named.utterances("train")] == ["calm", "glad"] and len(named.labels) == 5
    with pytest.raises(CorpusError, match="pulse=9 is not an index in a tuple of 4"):
        open_corpus(f"{location}?pulse=9&train=2")
    with pytest.raises(CorpusError, match="no signal is mapped"):
        open_corpus(f"{location}?labels=1&train=2")
    with pytest.raises(CorpusError, match="element 3, mapped to pulse, is not a dictionary"):
        open_corpus(f"{location}?pulse=3&train=2")


def test_stacked_arrays_of_each_split(tmp_path: Path) -> None:
    def part(*ids: str) -> dict[str, Any]:
        count = len(ids)
        return {
            "id": list(ids),
            "text": np.ones((count, 4, 3), np.float32),
            "vision": np.full((count, 4, 2), np.nan, np.float32),
            "raw_text": ["so good"] * count,
            "classification_labels": np.arange(count) % 3,
        }

    file = tmp_path / "mosei.pkl"
    file.write_bytes(pickle.dumps({"train": part("v$_$2", "v$_$1"), "valid": part("w[0]"), "test": part("x$_$0")}))
    corpus = open_corpus(f"pack:{file}")
    assert [utterance.key for utterance in corpus.utterances("train")] == [("train", "v", "1"), ("train", "v", "2")]
    assert [utterance.key for utterance in corpus.utterances("dev")] == [("dev", "w", "0")]
    utterance = next(corpus.utterances("test"))
    assert (
        utterance.text == "so good" and utterance.emotion == "0" and list(utterance.signals) == ["text"]
    )  # what is NaN is missing
    assert utterance.signals["text"].shape == (4, 3)  # type: ignore[attr-defined]
    with pytest.raises(CorpusError, match="its train split has no bert"):
        open_corpus(f"pack:{file}?text=bert")
    floats = {"train": part("v$_$1") | {"classification_labels": np.array([0.4])}}
    file.write_bytes(pickle.dumps(floats))
    with pytest.raises(CorpusError, match=r"1 of 1 labels are not one class each \(0\.4 is not a whole number\)"):
        open_corpus(f"pack:{file}")


def test_tensors_saved_by_torch(tmp_path: Path) -> None:
    content = ({0: torch.ones(2, 3)}, {0: [1, 0]}, [0])
    torch.save(content, tmp_path / "mine.pt")
    corpus = open_corpus(f"pack:{tmp_path / 'mine.pt'}?text=0&labels=1&train=2")
    assert [utterance.signals["text"].tolist() for utterance in corpus.utterances("train")] == [[1.0, 1.0, 1.0]] * 2  # type: ignore[attr-defined]


def test_what_is_no_pack(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(CorpusError, match="neither a folder"):
        open_corpus(f"pack:{tmp_path / 'x.txt'}")
    with pytest.raises(CorpusError, match=r"has no utterances\.csv"):
        open_corpus(f"pack:{tmp_path}")
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(3))
    with pytest.raises(CorpusError, match="holds a int"):
        open_corpus(f"pack:{tmp_path / 'x.pkl'}")
    (tmp_path / "x.pkl").write_bytes(pickle.dumps("words"))
    with pytest.raises(CorpusError, match="holds a str"):
        open_corpus(f"pack:{tmp_path / 'x.pkl'}")


@pytest.mark.parametrize(
    ("content", "roles"),
    [
        ({"train": {"text": 3.0}}, ""),
        (({"a": [np.ones(3)]}, 5), "?text=0&train=1"),
        (({"a": 4}, ["a"]), "?text=0&train=1"),
        (({"a": [np.ones(3)]}, [["a"]]), "?text=0&train=1"),
        (({"a": [np.ones(3)]}, ["a", None, 3]), "?text=0&train=1"),
        (({"a": [np.ones(3)]}, ["a"], {"a": 1}), "?text=0&train=1&labels=2"),
    ],
)
def test_parts_that_do_not_fit_are_one_sentence(tmp_path: Path, content: Any, roles: str) -> None:
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(CorpusError, match="its parts do not fit together .*: correct the map"):
        open_corpus(f"pack:{tmp_path / 'x.pkl'}{roles}")


def test_labels_that_are_none_and_text_that_cannot_be_written(tmp_path: Path) -> None:
    labels = [b"Joy ", float("nan"), [], np.array(["fear"]), None, float("inf"), ""]
    split = {
        "text": np.ones((7, 3)),
        "labels": labels,
        "raw_text": ["half \ud83d"] * 7,
        "id": ["v\udc80[0]"] + ["w"] * 6,
    }
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"train": split}))
    utterances = list(open_corpus(f"pack:{tmp_path / 'x.pkl'}").utterances("train"))
    assert [utterance.emotion for utterance in utterances] == ["joy", None, None, "fear", None, None, None]
    assert (utterances[0].text, utterances[0].key) == ("half ?", ("train", "v?", "0"))


def test_bytes_are_text_and_tensors_may_be_of_a_network(tmp_path: Path) -> None:
    weights = torch.ones(2, 3, requires_grad=True)
    stacked = {"text": weights, "classification_labels": torch.ones(2, requires_grad=True),
               "raw_text": [b"hi", b"\xff"], "id": [b"v$_$1", b"v$_$2"]}  # fmt: skip
    torch.save({"train": stacked}, tmp_path / "x.pt")
    utterances = list(open_corpus(f"pack:{tmp_path / 'x.pt'}").utterances("train"))
    assert [(utterance.text, utterance.dialogue, utterance.utterance, utterance.emotion) for utterance in utterances] == [
        ("hi", "v", 1, "1"), ("\ufffd", "v", 2, "1"),
    ]  # fmt: skip
    keyed = ({b"d": [np.ones(3)]}, [b"d"], {b"d": [b"Ann"]})
    (tmp_path / "y.pkl").write_bytes(pickle.dumps(keyed))
    (utterance,) = open_corpus(f"pack:{tmp_path / 'y.pkl'}?text=0&train=1&speakers=2").utterances("train")
    assert (utterance.speaker, utterance.dialogue) == ("Ann", "d")
