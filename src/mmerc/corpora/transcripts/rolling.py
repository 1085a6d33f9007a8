"""Captions that roll: each cue shows the line before once more, above its own (YouTube, live television)."""

from itertools import pairwise

from mmerc.corpora.transcripts.cue import Cue, Line

SHORT = 0.05  # seconds; YouTube puts a cue of 10 ms between two lines
ROLLING = 0.4  # share of the cues that repeat, from which on a file rolls


def unroll(cues: list[Cue]) -> list[Cue]:
    """The cues, where the file rolls, with each line once, in the cue in which it appears first.

    A line that grows word by word over several cues is one line from its first word to the end of the last of these cues.
    """
    pairs = list(pairwise(cues))
    rolls = sum(_is_rolling(before, cue) for before, cue in pairs)
    if not rolls or rolls < ROLLING * len(pairs):
        return cues
    unrolled: list[Cue] = []
    shown: list[str] = []
    for cue in cues:
        lines = [line.text for line in cue.lines]
        repeated, has_grown = _count_repeated(shown, lines)
        if has_grown and unrolled:
            last = unrolled[-1]
            unrolled[-1] = last._replace(
                end=cue.end, lines=(*last.lines[:-1], Line(lines[repeated], last.lines[-1].speaker))
            )
            repeated += 1
        if repeated < len(lines):
            unrolled.append(cue._replace(lines=cue.lines[repeated:]))
        shown = lines
    return unrolled


def _is_rolling(before: Cue, cue: Cue) -> bool:
    lines = [line.text for line in cue.lines]
    repeated, has_grown = _count_repeated([line.text for line in before.lines], lines)
    return (
        has_grown
        or 0 < repeated < len(lines)
        or (repeated > 0 and min(_compute_duration(before), _compute_duration(cue)) <= SHORT)
    )


def _compute_duration(cue: Cue) -> float:
    return SHORT if cue.end is None else cue.end - cue.start


def _count_repeated(shown: list[str], lines: list[str]) -> tuple[int, bool]:
    """How many lines of a cue were shown before, and whether the next one continues the last line that was shown.

    >>> _count_repeated(["a", "b"], ["b", "c"]), _count_repeated(["a", "b"], ["a", "b c"])
    ((1, False), (1, True))
    """
    for count in range(min(len(shown), len(lines)), 0, -1):
        if shown[-count:] == lines[:count]:
            return count, False
        if shown[-count:-1] == lines[: count - 1] and lines[count - 1].startswith(shown[-1] + " "):
            return count - 1, True
    return 0, False
