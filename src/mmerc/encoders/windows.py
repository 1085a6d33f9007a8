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

    Each window after the first repeats the last utterances of the previous one, at most `overlap * max_length` long. Offline,
    results for the first half of the repeated utterances come from the previous window and for the second half from the new
    one, so that each has context on both sides. Online, all come from the previous window: the windows of a dialogue then
    depend on earlier utterances only.

    No length may be more than half of `max_length`, rounded up.

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
