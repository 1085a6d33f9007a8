"""Windows: the parts of a dialogue that an encoder reads as one sequence."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from mmerc.config import Protocol


@dataclass(frozen=True)
class Window:
    """Utterances [first, last) of a dialogue that are read together. The results of [start, stop) are used."""

    first: int
    last: int
    start: int
    stop: int


def cut_windows(lengths: Sequence[int], max_length: int, *, protocol: Protocol, overlap: float = 0.5) -> list[Window]:
    """Cut a dialogue of utterances of these lengths into windows of at most `max_length`.

    A window begins with the latest utterances of the one before it that fill at most a share `overlap` of it. Of these, offline, the second
    half is read from the new window, so that they have context on both sides. Online, all are read from the old window: the
    windows of a dialogue then depend on earlier utterances only.

    No length may be more than half of `max_length`.

    >>> [(w.first, w.last, w.start, w.stop) for w in cut_windows([2, 2, 2, 2, 2], 6, protocol="offline")]
    [(0, 3, 0, 3), (2, 5, 3, 5)]
    """
    spans: list[tuple[int, int]] = []
    last = 0
    while last < len(lengths):
        first, used = last, 0
        while spans and first - 1 > spans[-1][0] and used + lengths[first - 1] <= overlap * max_length:
            first -= 1
            used += lengths[first]
        while last < len(lengths) and used + lengths[last] <= max_length:
            used += lengths[last]
            last += 1
        spans.append((first, last))
    windows, start = [], 0
    for (first, last), (next_first, _) in zip_longest(spans, spans[1:], fillvalue=(len(lengths), 0)):
        stop = last if protocol == "online" else (last + next_first + 1) // 2
        windows.append(Window(first, last, start, stop))
        start = stop
    return windows
