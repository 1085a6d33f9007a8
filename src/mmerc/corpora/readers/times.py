"""Times in tables: many ways to write one, and the times that cannot be true."""

import math

from mmerc.corpora.dialogue import Problem

LONGEST = 30.0  # seconds; MELD's longest correct utterance has 28.5, its three wrong ones 41 and more


def parse_seconds(stamp: str) -> float | None:
    """A time in seconds: `SS.mmm`, `SS,mmm`, `SS.mmm s`, `MM:SS,mmm` or `[H]H:MM:SS,mmm`; `None` if empty.

    >>> parse_seconds("0:16:41,126") == parse_seconds("00:16:41.126") == 1001.126
    True

    Raises:
        ValueError: it is none of these.
    """
    if not stamp:
        return None
    fields = stamp.removesuffix("s").replace(",", ".").split(":")
    if len(fields) > 3:
        raise ValueError(stamp)
    total = 0.0
    for text in fields:
        try:
            value = float(text)
        except ValueError:
            raise ValueError(stamp) from None
        if not math.isfinite(value) or value < 0:
            raise ValueError(stamp)
        total = total * 60 + value
    return round(total, 6)


def read_times(
    start: str, end: str, where: str, consequence: str = "left empty"
) -> tuple[float | None, float | None, list[Problem]]:
    """The start and end of an utterance in seconds, and the problems with them.

    Times that are doubtful (zero length, very long) are kept. Text that is not a time and an end before its start give
    `None` for both; `consequence` ends the sentence about them.
    """
    try:
        begin, finish = parse_seconds(start), parse_seconds(end)
    except ValueError as error:
        return None, None, [Problem("time", where, f'"{error}" is not a time; {consequence}')]
    if begin is None or finish is None:
        return begin, finish, []
    length = finish - begin
    if length < 0:
        return None, None, [Problem("time", where, f"ends {-length:.3f} s before it starts; {consequence}")]
    if length == 0:
        return begin, finish, [Problem("time", where, "has zero length")]
    if length > LONGEST:
        return begin, finish, [Problem("time", where, f"lasts {length:.1f} s, longer than {LONGEST:.0f} s")]
    return begin, finish, []
