import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora import Dialogue, Utterance, open_corpus
from mmerc.corpora.dialogue import resolve_speakers
from mmerc.encoders.text.input import (
    CURRENT,
    HISTORY,
    ID,
    LATER,
    NOBODY,
    OTHER,
    REPLY,
    SEGMENT,
    SPEAKER,
    SPECIAL,
    TARGET,
    Vocabulary,
    thinned,
    written,
)  # fmt: skip
from mmerc.errors import MissingModality

# One token a letter; 1 opens, 2 closes, 3 opens the target's turns, 4 those of others.
LETTERS = Vocabulary(lambda text: [ord(letter) for letter in text], 1, {NOBODY: 5, TARGET: 3, OTHER: 4}, 2)


def dialogue(*turns: tuple[str, str | None]) -> Dialogue:
    said = [Utterance("train", 0, n, who, text) for n, (who, text) in enumerate(turns)]
    return Dialogue("train", 0, tuple(resolve_speakers(said)))


def write(
    said: Dialogue, place: int, *, protocol: str = "offline", history: int = 5, future: int = 1, longest: int = 50
) -> np.ndarray:
    return written(
        said, place, LETTERS, protocol=protocol, history=history, future=future, longest=longest, names=False
    )  # type: ignore[call-overload, arg-type]


def test_history_current_and_reply_with_speakers_and_segments() -> None:
    said = dialogue(("Ann", "a"), ("Bo", "b"), ("Ann", "c"), ("Bo", "d"))
    row = write(said, 2)
    assert row[:, ID].tolist() == [1, 3, 97, 4, 98, 3, 99, 4, 100, 2]
    assert row[:, SPEAKER].tolist() == [NOBODY, TARGET, TARGET, OTHER, OTHER, TARGET, TARGET, OTHER, OTHER, OTHER]
    assert row[:, SEGMENT].tolist() == [SPECIAL, *[HISTORY] * 4, *[CURRENT] * 2, *[REPLY] * 3]


def test_online_reads_nothing_of_the_future() -> None:
    said = dialogue(("Ann", "a"), ("Bo", "b"), ("Ann", "SECRET"))
    assert write(said, 1, protocol="online").tolist() == write(dialogue(("Ann", "a"), ("Bo", "b")), 1).tolist()


def test_a_thinned_input_is_that_of_a_shorter_history_and_no_reply() -> None:
    said = dialogue(("Ann", "a"), ("Bo", "bb"), ("Ann", "c"), ("Bo", "d"), ("Ann", "e"))
    whole = write(said, 3)
    shorter = [write(said, 3, history=length, protocol="online").tolist() for length in range(4)]
    found = [thinned(whole, LETTERS, 1.0, random.Random(seed)).tolist() for seed in range(40)]
    assert all(row in shorter for row in found) and all(row in found for row in shorter)
    assert thinned(whole, LETTERS, 0.0, random.Random(0)).tolist() == whole.tolist()
    half = [thinned(whole, LETTERS, 0.5, random.Random(seed)) for seed in range(400)]
    assert 160 < sum((row[:, SEGMENT] == REPLY).any() for row in half) < 240


def test_more_of_the_future_stands_behind_the_reply_in_a_segment_of_its_own() -> None:
    said = dialogue(("Ann", "a"), ("Bo", "b"), ("Ann", None), ("Bo", "d"), ("Bo", "e"))
    row = write(said, 0, future=3)
    assert row[:, ID].tolist() == [1, 3, 97, 4, 98, 4, 100, 2]
    assert row[:, SEGMENT].tolist() == [SPECIAL, CURRENT, CURRENT, REPLY, REPLY, LATER, LATER, LATER]
    assert write(said, 0, future=0)[:, ID].tolist() == [1, 3, 97, 2]
    assert write(said, 0, future=3, protocol="online")[:, ID].tolist() == [1, 3, 97, 2]


def test_the_future_is_cut_before_the_current_utterance() -> None:
    said = dialogue(("A", "hhhh"), ("A", "cccc"), ("B", "rrrr"), ("B", "ssss"))
    row = write(said, 1, future=2, longest=15)
    assert row[:, ID].tolist() == [1, 3, *b"cccc", 4, *b"rrrr", 4, *b"ss", 2]


def test_the_last_utterance_has_no_reply() -> None:
    assert REPLY not in write(dialogue(("Ann", "a"), ("Bo", "b")), 1)[:, SEGMENT]


def test_a_member_of_a_group_is_the_target() -> None:
    said = dialogue(("Joey", "x"), ("Joey and Ross", "a"), ("Ross", "b"), ("Smith, Ann", "c"), ("Smith, Bob", "d"))
    assert write(said, 2)[[1, 3], SPEAKER].tolist() == [OTHER, TARGET]
    assert write(said, 4, history=1)[1, SPEAKER] == OTHER  # a comma alone makes no group


def test_too_long_loses_oldest_history_then_reply_then_the_end_of_the_current() -> None:
    said = dialogue(("A", "hhhh"), ("B", "iiii"), ("A", "cccc"), ("B", "rrrr"))
    texts = {
        longest: "".join(chr(token) for token in write(said, 2, longest=longest)[:, ID] if token > 5)
        for longest in (22, 18, 12, 9, 5)
    }
    assert texts == {22: "hhhhiiiiccccrrrr", 18: "hiiiiccccrrrr", 12: "ccccrrrr", 9: "ccccr", 5: "cc"}


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.text("xyz ", max_size=12)), min_size=1, max_size=8),
    st.integers(0, 7), st.integers(8, 40), st.integers(0, 5),
)  # fmt: skip
def test_any_dialogue_fits_and_keeps_the_current_utterance(
    turns: list[tuple[str, str]], place: int, longest: int, history: int
) -> None:
    place %= len(turns)
    said = dialogue(*turns)
    if not turns[place][1].strip():
        with pytest.raises(MissingModality, match="has no text"):
            write(said, place, longest=longest, history=history)
        return
    row = write(said, place, longest=longest, history=history)
    assert len(row) <= longest
    current = row[row[:, SEGMENT] == CURRENT][:, ID].tolist()
    expected = [3, *(ord(letter) for letter in turns[place][1])][: longest - 2]
    assert current[: len(expected)] == expected


@pytest.mark.realdata
def test_the_current_utterance_survives_in_melds_longest_dialogues(real_data: Path) -> None:
    said = sorted(open_corpus(f"meld:{real_data / 'meld'}").dialogues("train"), key=len)[-3:]
    for whole in said:
        for place, turn in enumerate(whole.utterances):
            row = write(whole, place, history=24, longest=400)
            text = "".join(chr(token) for token in row[row[:, SEGMENT] == CURRENT][:, ID] if token > 5)
            assert text == turn.text
