"""Tuples of dictionaries in every known layout, and mapped ones, with small literal values."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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


def test_a_dialogue_has_the_utterances_of_its_longest_signal(tmp_path: Path) -> None:
    content = ({"a": [np.ones(2)]}, {"a": [np.ones(1), np.ones(1)]}, ["a"])
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(content))
    utterances = list(open_corpus(f"pack:{tmp_path / 'x.pkl'}?pulse=0&gaze=1&train=2").utterances("train"))
    assert [sorted(utterance.signals) for utterance in utterances] == [["gaze", "pulse"], ["gaze"]]
