"""Files and folders that are packs, and what is none."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmerc.corpora import open_corpus
from mmerc.errors import CorpusError


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
    with pytest.raises(CorpusError, match="has a value of the type int"):
        open_corpus(f"pack:{tmp_path / 'x.pkl'}")
    (tmp_path / "x.pkl").write_bytes(pickle.dumps("words"))
    with pytest.raises(CorpusError, match="has a value of the type str"):
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
