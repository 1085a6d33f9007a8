"""Reading a transcript: its content decides the format where that is clear, its suffix elsewhere."""

import json
import math
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.encoding import read_text_any_encoding
from mmerc.corpora.paths import refuse_lfs_pointer
from mmerc.corpora.readers.rows import repair_control_characters
from mmerc.corpora.transcripts.clock import parse_timing, split_lines
from mmerc.corpora.transcripts.cue import Cue, Segment
from mmerc.corpora.transcripts.json_transcript import read_json_transcript
from mmerc.corpora.transcripts.rolling import unroll
from mmerc.corpora.transcripts.subrip import parse_sbv_timing, read_sbv, read_subrip
from mmerc.corpora.transcripts.substation import read_substation
from mmerc.corpora.transcripts.table import find_separator, read_table
from mmerc.corpora.transcripts.ttml import read_ttml
from mmerc.corpora.transcripts.utterances import make_segments
from mmerc.corpora.transcripts.webvtt import read_webvtt
from mmerc.errors import CorpusError

Read = Callable[[str, str, list[Problem]], list[Cue]]
FORMATS: dict[str, tuple[Read, str]] = {  # how to read each format, and what a cue's number counts in it
    "srt": (read_subrip, "line"),
    "vtt": (read_webvtt, "line"),
    "sbv": (read_sbv, "line"),
    "ass": (read_substation, "event"),
    "ttml": (read_ttml, "paragraph"),
    "json": (read_json_transcript, "segment"),
    "table": (read_table, "row"),
}
SUFFIXES = {
    ".srt": "srt",
    ".vtt": "vtt",
    ".sbv": "sbv",
    ".ass": "ass",
    ".ssa": "ass",
    ".ttml": "ttml",
    ".dfxp": "ttml",
    ".xml": "ttml",
    ".json": "json",
    ".csv": "table",
    ".tsv": "table",
}
ENDINGS = tuple(SUFFIXES)
SUBTITLES = ("srt", "vtt", "sbv", "ass", "ttml")  # lines on a screen, which may roll
MAX_HEAD_CHARACTERS = 20_000  # the first cue must begin within them
CHARACTERS_PER_SECOND = 15.0  # speaking rate; gives the end of a last cue that has none


class TranscriptText(NamedTuple):
    """The text of a transcript, its format (a key of `FORMATS`), and its encoding, which may be a guess."""

    text: str
    format: str
    encoding: str
    is_guess: bool


def open_transcript(file: Path) -> TranscriptText:
    """Decode a transcript and find its format by its content, where that is clear, or by its suffix.

    Raises:
        CorpusError: the file is absent, is not text, or has no known format.
    """
    text, encoding, is_guess = read_text_any_encoding(file)
    refuse_lfs_pointer(file)
    if not text.isascii():
        text = repair_control_characters(unicodedata.normalize("NFC", text))
    form = _find_format(text, file.suffix.lower())
    if form is None:
        raise CorpusError(f"{file} is not a transcript of a known format: give one of {', '.join(ENDINGS)}.")
    return TranscriptText(text, form, encoding, is_guess)


def read_transcript(file: Path) -> tuple[list[Segment], list[Problem]]:
    """The utterances of a transcript in the order of their times, in seconds, and what could not be read or was assumed.

    An utterance may lack its text: voice and face are there all the same. One of zero length keeps its words. A cue without an
    end lasts until the next one begins.

    Raises:
        CorpusError: the file is absent, of no known format, damaged, or holds no utterance.
    """
    return parse_transcript(file, open_transcript(file))


def parse_transcript(file: Path, opened: TranscriptText) -> tuple[list[Segment], list[Problem]]:
    """What `read_transcript` gives, of a transcript that is decoded already."""
    text, form, encoding, is_guess = opened
    problems: list[Problem] = []
    if is_guess:
        what = f"is not valid UTF-8; read as {encoding}, which is a guess: save it as UTF-8 if letters look wrong"
        problems.append(Problem("encoding", file.name, what))
    read, noun = FORMATS[form]
    found: list[Problem] = []
    cues = read(text, str(file), found)
    problems += [Problem(each.kind, each.where.replace(str(file), file.name, 1), each.what) for each in found]
    cues = _check_times(cues, f"{file.name} {noun}", problems)
    if not cues:
        first = next((each for each in problems if each.kind != "encoding"), None)
        reason = f" ({first.where.removeprefix(file.name).strip()}: {first.what})" if first else ""
        raise CorpusError(f"{file} has no line with a time{reason}: check that it is the right file.")
    segments = make_segments(unroll(cues) if form in SUBTITLES else cues)
    return sorted(segments, key=lambda segment: (segment.start, segment.end)), problems


def _find_format(text: str, suffix: str) -> str | None:
    head = text[:MAX_HEAD_CHARACTERS].lstrip()
    by_suffix = SUFFIXES.get(suffix)
    if head[:6].upper() == "WEBVTT":
        return "vtt"
    if head[:1] in ("{", "[") and (by_suffix == "json" or _is_json(text)):
        return "json"
    if "[script info]" in head.lower() or head.lower().startswith("[events]"):
        return "ass"
    if head.startswith("<") and ("<tt" in head or ":tt" in head):
        return "ttml"
    if find_separator(head) is not None:
        return "table"
    lines = split_lines(head)
    if any(parse_timing(line) for line in lines):
        return "vtt" if by_suffix == "vtt" else "srt"
    if any(parse_sbv_timing(line) for line in lines):
        return "sbv"
    return by_suffix


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _check_times(cues: list[Cue], where: str, problems: list[Problem]) -> list[Cue]:
    """The cues with valid times. A missing end is filled in, and a negative start becomes 0.

    A cue with invalid times is reported and left out.
    """
    kept: list[Cue] = []
    starts = sorted({cue.start for cue in cues})
    following = dict(pairwise(starts))
    for cue in cues:
        end, number = cue.end, f"{where} {cue.number}"
        if end is None:
            end = following.get(cue.start)
        if end is None:
            length = sum(len(line.text) for line in cue.lines)
            end = cue.start + max(1.0, length / CHARACTERS_PER_SECOND)
            problems.append(
                Problem("time", number, f"lacks its end, and no other follows; {end - cue.start:.1f} s are assumed")
            )
        if not (math.isfinite(cue.start) and math.isfinite(end)) or end < cue.start or end <= 0 > cue.start:
            problems.append(Problem("time", number, f"lasts from {cue.start:.3f} to {end:.3f} s; left out"))
            continue
        if cue.start < 0:
            problems.append(
                Problem("time", number, f"begins at {cue.start:.3f} s, before the recording; read from 0 s")
            )
        elif end == cue.start:
            problems.append(Problem("time", number, "has zero length; its words are kept, without sound and picture"))
        kept.append(cue._replace(start=max(cue.start, 0.0), end=end))
    return kept
