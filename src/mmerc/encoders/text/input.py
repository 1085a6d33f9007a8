"""Build the input of a text encoder: one utterance with its history and its future, as tokens with speakers and segments."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from mmerc.config import Protocol
from mmerc.corpora import Dialogue, Utterance
from mmerc.errors import MissingModality

TOKEN, SPEAKER, SEGMENT = range(3)  # columns of an input
NO_SPEAKER, CURRENT_SPEAKER, OTHER_SPEAKER = range(
    3
)  # values of SPEAKER; the current speaker says the current utterance
SPECIAL, HISTORY, CURRENT, REPLY, LATER = range(5)  # values of SEGMENT
NUM_SPEAKERS, NUM_SEGMENTS = 3, 5

Rows = list[tuple[int, int, int]]


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer and the IDs of the special tokens in an input.

    `tokenize` gives the IDs of a text without special tokens. An input starts with `start_token` and ends with
    `end_token`. `turn_tokens` maps CURRENT_SPEAKER and OTHER_SPEAKER to the token before each of their utterances.
    `cls_token` marks the position that the emotion is predicted from.
    """

    tokenize: Callable[[str], list[int]]
    start_token: int
    end_token: int
    cls_token: int
    turn_tokens: dict[int, int]


def build_input(
    dialogue: Dialogue,
    index: int,
    vocabulary: Vocabulary,
    *,
    protocol: Protocol,
    history: int,
    future: int = 1,
    max_tokens: int,
) -> Int[np.ndarray, "L 3"]:
    """Return the input of the utterance at `index`: token ID, speaker and segment of each of its L tokens.

    It contains up to `history` utterances before the current one and, in the offline protocol, up to `future` after it.
    L is at most `max_tokens`. An input that is too long loses first the oldest history, then the end of the future, and
    last the end of the current utterance.

    Raises:
        MissingModality: the utterance has no text, or its text has no tokens.
    """
    utterances = dialogue.utterances
    current = utterances[index]
    if not (current.text or "").strip():
        raise MissingModality("it has no text")
    room = max_tokens - 2  # without the start token and the end token
    current_rows = _build_rows(current, current, CURRENT, vocabulary)[:room]
    if len(current_rows) < 2:
        raise MissingModality("its text gives no token")
    room -= len(current_rows)
    future_rows: Rows = []
    for offset, utterance in enumerate(utterances[index + 1 : index + 1 + future] if protocol == "offline" else ()):
        segment = LATER if offset else REPLY
        rows = _build_rows(utterance, current, segment, vocabulary)[: room - len(future_rows)] if utterance.text else []
        future_rows += rows if len(rows) > 1 else []  # a turn token without a word is no reply
    room -= len(future_rows)
    history_rows: Rows = []
    for utterance in reversed(utterances[max(0, index - history) : index]):
        if utterance.text and len(history_rows) < room:
            history_rows = (_build_rows(utterance, current, HISTORY, vocabulary) + history_rows)[-room:]
    _, last_speaker, last_segment = (future_rows or current_rows)[-1]
    start, end = (vocabulary.start_token, NO_SPEAKER, SPECIAL), (vocabulary.end_token, last_speaker, last_segment)
    return np.asarray([start, *history_rows, *current_rows, *future_rows, end], np.int32)


def _build_rows(utterance: Utterance, current: Utterance, segment: int, vocabulary: Vocabulary) -> Rows:
    """Return the rows of one utterance: its turn token and the tokens of its text."""
    is_same = utterance.speaker == current.speaker or bool(set(utterance.speakers) & set(current.speakers))
    speaker = CURRENT_SPEAKER if is_same else OTHER_SPEAKER
    tokens = (vocabulary.turn_tokens[speaker], *vocabulary.tokenize(utterance.text or ""))
    return [(token, speaker, segment) for token in tokens]
