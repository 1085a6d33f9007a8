"""Turns: who speaks from when to when. They are joined to utterances, and give the lines of a transcript their speakers."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mmerc.media.voice_activity import MAX_UTTERANCE, MIN_PAUSE, MIN_UTTERANCE

MIN_PART = 3.0  # seconds that a cut leaves on each side, where it can


class Turn(NamedTuple):
    """Speech of one person without a long pause. `start` and `end`: seconds. `speaker` is empty where it is unknown."""

    start: float
    end: float
    speaker: str = ""


def join_turns(turns: Sequence[Turn]) -> list[Turn]:
    """Utterances: successive turns of one speaker with pauses below half a second, cut to at most 15 s at their longest pauses.

    An utterance of less than 0.25 s is left out.

    >>> [tuple(turn) for turn in join_turns([Turn(0, 2, "A"), Turn(2.3, 4, "A"), Turn(4.1, 5, "B"), Turn(7, 8, "B")])]
    [(0, 4, 'A'), (4.1, 5, 'B'), (7, 8, 'B')]
    """
    groups: list[list[Turn]] = []
    for turn in turns:
        last = groups[-1][-1] if groups else None
        if last is not None and last.speaker == turn.speaker and turn.start - last.end < MIN_PAUSE:
            groups[-1].append(turn)
        else:
            groups.append([turn])
    parts = (part for group in groups for part in _cut(group))
    joined = (Turn(part[0].start, part[-1].end, part[0].speaker) for part in parts)
    return [turn for turn in joined if turn.end - turn.start >= MIN_UTTERANCE]


def _cut(group: list[Turn]) -> Iterator[list[Turn]]:
    start, end = group[0].start, group[-1].end
    if end - start <= MAX_UTTERANCE or len(group) == 1:
        yield group
        return

    def rate(index: int) -> tuple[bool, float]:
        before, after = group[index - 1], group[index]
        return min(before.end - start, end - after.start) >= MIN_PART, after.start - before.end

    cut = max(range(1, len(group)), key=rate)
    yield from _cut(group[:cut])
    yield from _cut(group[cut:])


def find_main_speakers(lines: Sequence[tuple[float, float]], turns: Sequence[Turn]) -> list[str]:
    """The speaker who speaks most in each line, a start and an end in seconds; empty where nobody speaks.

    `turns`: in the order of time, without overlap.

    >>> find_main_speakers([(0, 3), (3.5, 4)], [Turn(0, 1, "A"), Turn(1.2, 3, "B")])
    ['B', '']
    """
    ends = [turn.end for turn in turns]
    found = []
    for start, end in lines:
        seconds: dict[str, float] = defaultdict(float)
        for index in range(bisect_right(ends, start), len(turns)):
            turn = turns[index]
            if turn.start >= end:
                break
            seconds[turn.speaker] += min(end, turn.end) - max(start, turn.start)
        found.append(max(seconds, key=lambda name: seconds[name], default=""))
    return found
