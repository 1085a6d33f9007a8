"""A dialogue around one utterance as tokens: history, current, reply and what follows it, each turn with its speaker
and its segment."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int

from mmerc.corpora import Dialogue, Utterance
from mmerc.errors import MissingModality

Protocol = Literal["offline", "online"]  # with the reply and what follows, or with nothing of the future
NOBODY, TARGET, OTHER = range(3)  # whose token it is: the speaker of the current utterance, or somebody else
SPECIAL, HISTORY, CURRENT, REPLY, LATER = range(5)
ID, SPEAKER, SEGMENT = range(3)  # columns of a prepared array


@dataclass(frozen=True)
class Vocabulary:
    """The ids that mark up an input. `opening` starts it; `turn[TARGET]` and `turn[OTHER]` start a turn."""

    tokenize: Callable[[str], list[int]]
    opening: int
    turn: dict[int, int]
    closing: int


def written(
    dialogue: Dialogue,
    place: int,
    vocabulary: Vocabulary,
    *,
    protocol: Protocol,
    history: int,
    future: int = 1,
    longest: int,
    names: bool,
) -> Int[np.ndarray, "L 3"]:
    """The input of the utterance at `place`: id, speaker and segment of each of its at most `longest` tokens.

    Too long an input loses its oldest history first, then the end of the `future` turns (the reply is the first of
    them), and only then the end of the current utterance.

    Raises:
        MissingModality: the utterance has no text.
    """
    turns = dialogue.utterances
    current = turns[place]
    if not (current.text or "").strip():
        raise MissingModality("it has no text")
    room = longest - 2  # the opening and the closing token
    now = _turn(current, current, CURRENT, vocabulary, names)[:room]
    if len(now) < 2:
        raise MissingModality("its text gives no token")
    room -= len(now)
    after: list[tuple[int, int, int]] = []
    for number, turn in enumerate(turns[place + 1 : place + 1 + future] if protocol == "offline" else ()):
        segment = LATER if number else REPLY
        reply = _turn(turn, current, segment, vocabulary, names)[: room - len(after)] if turn.text else []
        after += reply if len(reply) > 1 else []  # a turn's mark without a word of it is no reply
    room -= len(after)
    before: list[tuple[int, int, int]] = []
    for turn in reversed(turns[max(0, place - history) : place]):
        if turn.text and len(before) < room:
            before = (_turn(turn, current, HISTORY, vocabulary, names) + before)[-room:]
    last = after or now
    return np.asarray(
        [(vocabulary.opening, NOBODY, SPECIAL), *before, *now, *after, (vocabulary.closing, last[-1][1], last[-1][2])],
        np.int32,
    )


def thinned(
    row: Int[np.ndarray, "L 3"], vocabulary: Vocabulary, share: float, rng: random.Random
) -> Int[np.ndarray, "K 3"]:
    """The input with less context, so that a network does not learn a few hundred dialogues by heart.

    With the probability `share` only a random number of the latest turns of the history stays, and with the same
    probability nothing behind the current utterance does.
    """
    segments = row[:, SEGMENT]
    kept = np.ones(len(row), bool)
    if rng.random() < share:
        starts = np.flatnonzero((segments == HISTORY) & np.isin(row[:, ID], list(vocabulary.turn.values())))
        first = [*starts, int((segments == CURRENT).argmax())][rng.randint(0, len(starts))]
        kept[:first] &= segments[:first] != HISTORY
    if rng.random() < share:
        kept[:-1] &= (segments[:-1] != REPLY) & (segments[:-1] != LATER)
    short = row[kept]
    short[-1, SPEAKER:] = short[-2, SPEAKER:]  # the closing token belongs to the turn before it
    return short


def _turn(
    turn: Utterance, current: Utterance, segment: int, vocabulary: Vocabulary, names: bool
) -> list[tuple[int, int, int]]:
    same = turn.speaker == current.speaker or bool(set(turn.speakers) & set(current.speakers))
    speaker = TARGET if same else OTHER
    text = f"{turn.speaker}: {turn.text}" if names and turn.speaker else turn.text or ""
    return [(token, speaker, segment) for token in (vocabulary.turn[speaker], *vocabulary.tokenize(text))]
