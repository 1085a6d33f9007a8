"""Dictionaries of splits of stacked arrays, with small literal values."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmerc.corpora import open_corpus
from mmerc.errors import CorpusError


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


def save(folder: Path, split: dict[str, Any]) -> str:
    (folder / "x.pkl").write_bytes(pickle.dumps({"train": {"text": np.ones((2, 3))} | split}))
    return f"pack:{folder / 'x.pkl'}"


def test_a_pack_of_mmsa_fet_gets_a_hint(tmp_path: Path) -> None:
    location = save(tmp_path, {"regression_labels": [0.4, -0.2], "annotations": ["Positive", "Negative"]})
    corpus = open_corpus(location)
    assert [utterance.emotion for utterance in corpus.utterances("train")] == [None, None]
    assert "--map labels=annotations takes its annotations as labels" in corpus.problems[0].what
    mapped = open_corpus(f"{location}?labels=annotations")
    assert [utterance.emotion for utterance in mapped.utterances("train")] == ["positive", "negative"]
    assert mapped.labels.names == ("negative", "positive") and mapped.problems == ()
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"audio": np.ones((4, 2)), "vision": np.ones((4, 2))}))
    with pytest.raises(
        CorpusError, match="train, valid and test is expected. These look like one clip's features from MMSA-FET"
    ):
        open_corpus(location)


def test_columns_of_unequal_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"its train split differ in length \(labels 3, text 2\)"):
        open_corpus(save(tmp_path, {"labels": [0, 1, 2]}))


def test_labels_that_are_not_one_class_are_refused(tmp_path: Path) -> None:
    pairs = np.array([[[0, 1], [1, 0], [1, 0], [1, 0]]] * 2)
    with pytest.raises(CorpusError, match=r"2 of 2 labels are not one class each .*shape \[4, 2\] is 4 yes/no pairs"):
        open_corpus(save(tmp_path, {"labels": pairs}))
    for labels in ([[1, 1, 0], [1, 0, 0]], [[0.5, 0.5], [0.1, 0.9]], [[0, 0], [0, 0]], [["joy", "fear"], ["joy", ""]]):
        with pytest.raises(CorpusError, match=r"[12] of 2 labels are not one class each"):
            open_corpus(save(tmp_path, {"labels": labels}))
    corpus = open_corpus(save(tmp_path, {"labels": np.array([[[0, 1, 0]], [[1, 0, 0]]], bool)}))
    assert [utterance.emotion for utterance in corpus.utterances("train")] == ["1", "0"]
