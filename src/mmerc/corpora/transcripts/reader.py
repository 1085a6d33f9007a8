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
from mmerc.corpora.transcripts.elan import read_eaf
from mmerc.corpora.transcripts.json_transcript import read_json_transcript
from mmerc.corpora.transcripts.praat import read_textgrid
from mmerc.corpora.transcripts.rolling import unroll
from mmerc.corpora.transcripts.rttm import SPEAKER, read_rttm
from mmerc.corpora.transcripts.subrip import parse_sbv_timing, read_sbv, read_subrip
from mmerc.corpora.transcripts.substation import read_substation
from mmerc.corpora.transcripts.table import find_separator, read_table
from mmerc.corpora.transcripts.tiers import list_names
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
    "eaf": (read_eaf, "annotation"),
    "textgrid": (read_textgrid, "interval"),
    "rttm": (read_rttm, "line"),
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
    ".eaf": "eaf",
    ".textgrid": "textgrid",
    ".rttm": "rttm",
    ".json": "json",
    ".csv": "table",
    ".tsv": "table",
}
ENDINGS = tuple(SUFFIXES)
SUBTITLES = ("srt", "vtt", "sbv", "ass", "ttml")  # lines on a screen, which may roll
MAX_HEAD_CHARACTERS = 20_000  # the first cue must begin within them
BINARY = b"ooBinaryFile"
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
    if _has_binary_textgrid(file):
        raise CorpusError(f"{file} is a binary TextGrid: save it in Praat as a text file.")
    text, encoding, is_guess = read_text_any_encoding(file)
    refuse_lfs_pointer(file)
    if not text.isascii():
        text = repair_control_characters(unicodedata.normalize("NFC", text))
    form = _find_format(text, file.suffix.lower())
    if form is None:
        raise CorpusError(f"{file} is not a transcript of a known format: give one of {', '.join(ENDINGS)}.")
    return TranscriptText(text, form, encoding, is_guess)


def _has_binary_textgrid(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(len(BINARY)) == BINARY
    except (OSError, ValueError):  # reported when the text is read
        return False


def read_transcript(file: Path, recording: str = "") -> tuple[list[Segment], list[Problem]]:
    """The utterances of a transcript in the order of their times, in seconds, and what could not be read or was assumed.

    An utterance may lack its text: voice and face are there all the same. One of zero length keeps its words. A cue without an
    end lasts until the next one begins.

    `recording`: the name of the recording without its suffix. An RTTM file may have lines of other recordings, which are left out.

    Raises:
        CorpusError: the file is absent, of no known format, damaged, holds no utterance, or is about several other recordings.
    """
    return parse_transcript(file, open_transcript(file), recording)


def parse_transcript(file: Path, opened: TranscriptText, recording: str = "") -> tuple[list[Segment], list[Problem]]:
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
    cues = _choose_recording(cues, recording, file, problems)
    cues = _check_times(cues, f"{file.name} {noun}", problems)
    if not cues:
        first = next((each for each in problems if each.kind != "encoding"), None)
        reason = " ".join(f"{first.where.removeprefix(file.name)}: {first.what}".strip(": ").split()) if first else ""
        reason = f" ({reason})" if reason else ""
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
    if "ooTextFile" in head[:200]:
        return "textgrid"
    if SPEAKER.search(head):
        return "rttm"
    if "[script info]" in head.lower() or head.lower().startswith("[events]"):
        return "ass"
    if head.startswith("<") and ("<tt" in head or ":tt" in head):
        return "ttml"
    if head.startswith("<") and "<ANNOTATION_DOCUMENT" in head:
        return "eaf"
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


def _choose_recording(cues: list[Cue], recording: str, file: Path, problems: list[Problem]) -> list[Cue]:
    """The cues of this recording, where the file names a recording for each cue."""
    sources = dict.fromkeys(cue.source for cue in cues if cue.source)
    if not sources or (len(sources) == 1 and recording in {"", *sources}):
        return cues
    names = list_names(sources)
    if recording in sources:
        kept = [cue for cue in cues if cue.source in ("", recording)]
        others = list_names(source for source in sources if source != recording)
        what = f"{len(cues) - len(kept)} of its {len(cues)} lines are about {others}; left out"
        problems.append(Problem("recording", file.name, what))
        return kept
    if len(sources) > 1 and recording:
        raise CorpusError(f'{file} is about {names} and not about "{recording}": give the file of this recording.')
    what = f'is about {names}, and the recording is "{recording}": check that it is the right file'
    if not recording:
        what = f"is about {len(sources)} recordings, {names}: with a recording, the lines of its name are read"
    problems.append(Problem("recording", file.name, what))
    return cues


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
