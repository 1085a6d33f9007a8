from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora import Dialogue, Utterance, open_corpus
from mmerc.corpora.dialogue import resolve_speakers
from mmerc.encoders.text.input import (
    CURRENT,
    CURRENT_SPEAKER,
    HISTORY,
    LATER,
    NO_SPEAKER,
    OTHER_SPEAKER,
    REPLY,
    SEGMENT,
    SPEAKER,
    SPECIAL,
    TOKEN,
    Vocabulary,
    build_input,
)
from mmerc.errors import MissingModality

# One token per letter. 1 starts the input, 2 ends it; 3 and 4 are the turn tokens of the current and the other speaker.
LETTERS = Vocabulary(
    tokenize=lambda text: [ord(letter) for letter in text],
    start_token=1,
    end_token=2,
    cls_token=5,
    turn_tokens={CURRENT_SPEAKER: 3, OTHER_SPEAKER: 4},
)


def make_dialogue(*utterances: tuple[str, str | None]) -> Dialogue:
    return Dialogue(
        "train",
        0,
        tuple(Utterance("train", 0, n, speaker, text) for n, (speaker, text) in enumerate(utterances)),
    )


def build(
    dialogue: Dialogue,
    index: int,
    *,
    protocol: str = "offline",
    history: int = 5,
    future: int = 1,
    max_tokens: int = 50,
) -> np.ndarray:
    return build_input(
        dialogue,
        index,
        LETTERS,
        protocol=protocol,  # type: ignore[arg-type]
        history=history,
        future=future,
        max_tokens=max_tokens,
    )


def read_letters(row: np.ndarray) -> str:
    return "".join(chr(token) for token in row[:, TOKEN] if token > 5)


def test_history_current_and_reply_have_speakers_and_segments() -> None:
    row = build(make_dialogue(("Ann", "a"), ("Bo", "b"), ("Ann", "c"), ("Bo", "d")), 2)
    same, other = CURRENT_SPEAKER, OTHER_SPEAKER
    assert row[:, TOKEN].tolist() == [1, 3, 97, 4, 98, 3, 99, 4, 100, 2]
    assert row[:, SPEAKER].tolist() == [NO_SPEAKER, same, same, other, other, same, same, other, other, other]
    assert row[:, SEGMENT].tolist() == [SPECIAL, *[HISTORY] * 4, *[CURRENT] * 2, *[REPLY] * 3]


def test_online_reads_nothing_of_the_future() -> None:
    with_future = make_dialogue(("Ann", "a"), ("Bo", "b"), ("Ann", "SECRET"))
    without = make_dialogue(("Ann", "a"), ("Bo", "b"))
    assert build(with_future, 1, protocol="online").tolist() == build(without, 1).tolist()


def test_the_future_after_the_reply_has_its_own_segment() -> None:
    dialogue = make_dialogue(("Ann", "a"), ("Bo", "b"), ("Ann", None), ("Bo", "d"), ("Bo", "e"))
    row = build(dialogue, 0, future=3)
    assert row[:, TOKEN].tolist() == [1, 3, 97, 4, 98, 4, 100, 2]
    assert row[:, SEGMENT].tolist() == [SPECIAL, CURRENT, CURRENT, REPLY, REPLY, LATER, LATER, LATER]
    assert build(dialogue, 0, future=0)[:, TOKEN].tolist() == [1, 3, 97, 2]
    assert build(dialogue, 0, future=3, protocol="online")[:, TOKEN].tolist() == [1, 3, 97, 2]


def test_the_last_utterance_has_no_reply() -> None:
    assert REPLY not in build(make_dialogue(("Ann", "a"), ("Bo", "b")), 1)[:, SEGMENT]


def test_a_speaker_of_a_group_is_the_current_speaker() -> None:
    dialogue = make_dialogue(("Joey and Ross", "a"), ("Ross", "b"), ("Joey", "c"))
    row = build(replace(dialogue, utterances=tuple(resolve_speakers(dialogue.utterances))), 1)
    assert row[1, SPEAKER] == CURRENT_SPEAKER


@pytest.mark.parametrize(
    ("max_tokens", "letters"),
    [(22, "hhhhiiiiccccrrrr"), (18, "hiiiiccccrrrr"), (12, "ccccrrrr"), (9, "ccccr"), (5, "cc")],
)
def test_a_long_input_loses_the_oldest_history_then_the_reply_then_the_end_of_the_current(
    max_tokens: int, letters: str
) -> None:
    dialogue = make_dialogue(("A", "hhhh"), ("B", "iiii"), ("A", "cccc"), ("B", "rrrr"))
    assert read_letters(build(dialogue, 2, max_tokens=max_tokens)) == letters


def test_the_future_is_cut_at_its_end() -> None:
    dialogue = make_dialogue(("A", "hhhh"), ("A", "cccc"), ("B", "rrrr"), ("B", "ssss"))
    row = build(dialogue, 1, future=2, max_tokens=15)
    assert row[:, TOKEN].tolist() == [1, 3, *b"cccc", 4, *b"rrrr", 4, *b"ss", 2]


@pytest.mark.parametrize("text", [None, "", "  "])
def test_an_utterance_without_text_is_missing(text: str | None) -> None:
    with pytest.raises(MissingModality, match="it has no text"):
        build(make_dialogue(("A", "a"), ("B", text)), 1)


def test_a_text_without_tokens_is_missing() -> None:
    silent = Vocabulary(lambda text: [], 1, 2, 5, LETTERS.turn_tokens)
    with pytest.raises(MissingModality, match="its text gives no token"):
        build_input(make_dialogue(("A", "\u00ad")), 0, silent, protocol="offline", history=1, max_tokens=9)


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.text("xyz", min_size=1, max_size=12)), min_size=1, max_size=8),
    st.integers(0, 7),
    st.integers(8, 40),
    st.integers(0, 5),
)
def test_any_dialogue_fits_and_keeps_the_current_utterance(
    utterances: list[tuple[str, str]], index: int, max_tokens: int, history: int
) -> None:
    index %= len(utterances)
    row = build(make_dialogue(*utterances), index, max_tokens=max_tokens, history=history)
    assert len(row) <= max_tokens
    current = row[row[:, SEGMENT] == CURRENT][:, TOKEN].tolist()
    expected = [3, *(ord(letter) for letter in utterances[index][1])][: max_tokens - 2]
    assert current[: len(expected)] == expected


@pytest.mark.realdata
def test_the_current_utterance_is_complete_in_the_longest_dialogues_of_meld(real_data: Path) -> None:
    dialogues = sorted(open_corpus(f"meld:{real_data / 'meld'}").dialogues("train"), key=len)[-3:]
    for dialogue in dialogues:
        for index, utterance in enumerate(dialogue.utterances):
            row = build(dialogue, index, history=24, max_tokens=400)
            assert read_letters(row[row[:, SEGMENT] == CURRENT]) == utterance.text
