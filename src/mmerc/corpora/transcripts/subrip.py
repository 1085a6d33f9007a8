"""SRT and YouTube's SBV: a timing line begins a cue, whatever else the file lacks or has twice."""

import re
from collections.abc import Callable

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.clock import is_damaged_timing, parse_clock, parse_timing, split_lines
from mmerc.corpora.transcripts.cue import Cue
from mmerc.corpora.transcripts.markup import parse_markup

SBV_TIMING = re.compile(r"\s*(\d+:\d{1,2}:\d{1,2}(?:\.\d{1,3})?),\s*(\d+:\d{1,2}:\d{1,2}(?:\.\d{1,3})?)\s*$")
COUNTER = re.compile(r"\s*\d{1,9}\s*$")
Timing = tuple[float, float | None]


def read_subrip(text: str, name: str, problems: list[Problem]) -> list[Cue]:
    """The cues of an SRT file called `name`, in the file's order."""
    return _read_cues(text, name, problems, parse_timing)


def read_sbv(text: str, name: str, problems: list[Problem]) -> list[Cue]:
    """The cues of an SBV file called `name`, in the file's order."""
    return _read_cues(text.replace("[br]", "\n"), name, problems, parse_sbv_timing)


def parse_sbv_timing(line: str) -> Timing | None:
    """Start and end of a line such as `0:00:01.000,0:00:02.500`, in seconds; `None` where it is no such line."""
    found = SBV_TIMING.match(line)
    try:
        return (parse_clock(found[1]), parse_clock(found[2])) if found else None
    except ValueError:
        return None


def _read_cues(text: str, name: str, problems: list[Problem], parse: Callable[[str], Timing | None]) -> list[Cue]:
    lines = split_lines(text)
    timings: list[tuple[int, Timing | None]] = []  # a damaged timing line ends the cue before it, too
    for index, line in enumerate(lines):
        timing = parse(line)
        if timing is not None or is_damaged_timing(line):
            timings.append((index, timing))
    cues = []
    counter = _find_counter(lines, timings[0][0], 0, None) if timings else None
    for position, (index, timing) in enumerate(timings):
        stop, following = len(lines), None
        if position + 1 < len(timings):
            stop = timings[position + 1][0]
            following = _find_counter(lines, stop, index + 1, counter)
            stop -= following is not None
        body = _strip_counter(lines[index + 1 : stop], following)
        counter = following
        if timing is None:
            words = " ".join(line.strip() for line in body if line.strip())
            what = f'"{lines[index].strip()[:60]}" is no pair of times; left out, with the words "{words[:60]}"'
            problems.append(Problem("time", f"{name} line {index + 1}", what))
            continue
        parts = parse_markup(body)
        if parts:
            cues.append(Cue(*timing, parts, index + 1))
    if timings:
        before = [line.strip() for line in lines[: timings[0][0]] if line.strip() and not COUNTER.match(line)]
        if before:
            what = f'has no time: "{" ".join(before)[:60]}" is left out'
            problems.append(Problem("cue", f"{name} line 1", what))
    return cues


def _find_counter(lines: list[str], timing: int, first: int, last_counter: int | None) -> int | None:
    """The cue's number in the line before its timing line; `None` where that line is text of the cue before.

    A number directly under a line of text is a counter only if it continues the last one.
    """
    if timing - 1 < first or not COUNTER.match(lines[timing - 1]):
        return None
    counter = int(lines[timing - 1])
    is_apart = timing - 2 < first or not lines[timing - 2].strip()
    if timing - 1 == first and first > 0:  # directly under the timing line before: its only text, or its text is empty
        is_apart = False
    return counter if is_apart or (last_counter is not None and counter == last_counter + 1) else None


def _strip_counter(body: list[str], counter: int | None) -> list[str]:
    """The text without the second copy of the next cue's number, which stands alone between empty lines."""
    while body and not body[-1].strip():
        body = body[:-1]
    is_copy = counter is not None and len(body) > 2 and body[-1].strip() == str(counter) and not body[-2].strip()
    return body[:-1] if is_copy else body
