"""WebVTT and SRT: subtitles with the emotion before the words, as players show them."""

import re

from mmerc.inference.export.document import Document
from mmerc.inference.export.timed import TimedRow, list_timed_rows

# A line break that would end the cue, or that a parser drops.
LOST_BREAK = re.compile(r"\r|\A\n|\n(?=\n|\Z)|(?<=\n)\n")
ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def make_webvtt(document: Document) -> str:
    """The text of a WebVTT file; a voice tag names the speaker. Raises ConfigError as `list_timed_rows` does."""
    blocks = ["WEBVTT", f"NOTE\n{_escape(document.provenance.to_text())}"]
    for row in list_timed_rows(document):
        words = _escape(f"{make_label(row)} {row.text}" if row.text else make_label(row))
        voice = f"<v {_escape(row.speaker)}>" if row.speaker else ""
        blocks.append(f"{_make_times(row, '.')}\n{voice}{words}")
    return "\n\n".join(blocks) + "\n"


def make_subrip(document: Document) -> str:
    """The text of an SRT file; the speaker stands before the words. Raises ConfigError as `list_timed_rows` does.

    SRT has no place for the provenance.
    """
    blocks = []
    for number, row in enumerate(list_timed_rows(document), 1):
        speaker = f"{' '.join(row.speaker.split())}: " if row.speaker.strip() else ""
        words = re.sub(r"\s*[\r\n]\s*", "\n", row.text.strip())
        blocks.append(f"{number}\n{_make_times(row, ',')}\n{speaker}{make_label(row)} {words}".rstrip() + "\n")
    return "\n".join(blocks)


def make_label(row: TimedRow) -> str:
    """The emotion and its probability, such as `[joy 0.80]`."""
    return f"[{row.emotion} {row.confidence:.2f}]"


def _escape(text: str) -> str:
    return LOST_BREAK.sub(lambda found: f"&#{ord(found[0])};", text.translate(ESCAPES))


def _make_times(row: TimedRow, point: str) -> str:
    return f"{_make_clock(row.start, point)} --> {_make_clock(row.end, point)}"


def _make_clock(time: int, point: str) -> str:
    """
    >>> _make_clock(3_723_045, ".")
    '01:02:03.045'
    """
    seconds, milliseconds = divmod(time, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{milliseconds:03}"
