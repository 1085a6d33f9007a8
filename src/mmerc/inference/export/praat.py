"""Praat's TextGrid, in the long text form: for each speaker a tier of words, one of emotions, one of their probabilities, and one of
each continuous dimension.

A last tier says which model made them.
"""

from collections.abc import Sequence

from mmerc.corpora.transcripts.tiers import KINDS, name_tier
from mmerc.inference.export.document import Document
from mmerc.inference.export.timed import group_rows, list_timed_rows

Interval = tuple[int, int, str]  # start and end in milliseconds


def make_textgrid(document: Document) -> str:
    """The text of the file, in UTF-8. Raises ConfigError as `list_timed_rows` does.

    An interval of Praat has a length, so utterances without one are points, in tiers of their own.
    """
    rows = list_timed_rows(document)
    end = max([1, round(1000 * (document.duration or 0)), *(row.end for row in rows)])
    tiers: list[str] = []
    for (speaker, lane), group in group_rows(rows).items():
        for has_points in (False, True):
            own = [row for row in group if (row.start == row.end) == has_points]
            for kind in (*KINDS, *document.dimensions) if own else ():
                name = name_tier(kind, speaker, lane, has_points=has_points)
                marks = [(row.start, row.end, row.get_text(kind)) for row in own]
                tiers.append((_make_points if has_points else _make_intervals)(name, marks, end))
    tiers.append(_make_intervals("mmerc", [(0, end, document.provenance.to_text())], end))
    head = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", *_make_span(0, end, 0)]
    items = [f"    item [{number}]:\n{tier}" for number, tier in enumerate(tiers, 1)]
    return "\n".join([*head, "tiers? <exists>", f"size = {len(tiers)}", "item []:", *items]) + "\n"


def _make_intervals(name: str, marks: Sequence[Interval], end: int) -> str:
    """A tier whose intervals cover the whole time; those without a text are silent."""
    intervals: list[Interval] = []
    last = 0
    for mark in marks:
        if mark[0] > last:
            intervals.append((last, mark[0], ""))
        intervals.append(mark)
        last = mark[1]
    if last < end:
        intervals.append((last, end, ""))
    lines = [*_make_head("IntervalTier", name, end), f"        intervals: size = {len(intervals)}"]
    for number, (start, stop, text) in enumerate(intervals, 1):
        lines += [f"        intervals [{number}]:", *_make_span(start, stop, 12), f"            text = {_quote(text)}"]
    return "\n".join(lines)


def _make_points(name: str, marks: Sequence[Interval], end: int) -> str:
    lines = [*_make_head("TextTier", name, end), f"        points: size = {len(marks)}"]
    for number, (time, _, text) in enumerate(marks, 1):
        lines += [
            f"        points [{number}]:",
            f"            number = {time / 1000:.3f}",
            f"            mark = {_quote(text)}",
        ]
    return "\n".join(lines)


def _make_head(kind: str, name: str, end: int) -> list[str]:
    return [f'        class = "{kind}"', f"        name = {_quote(name)}", *_make_span(0, end, 8)]


def _make_span(start: int, end: int, indent: int) -> list[str]:
    return [f"{' ' * indent}xmin = {start / 1000:.3f}", f"{' ' * indent}xmax = {end / 1000:.3f}"]


def _quote(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
