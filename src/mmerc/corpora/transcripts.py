"""What was said when in a recording: SRT, WebVTT, CSV, or JSON as Whisper and WhisperX write it."""

import json
import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pysubs2

from mmerc.corpora.dialogue import Problem, replace_surrogates
from mmerc.corpora.readers.rows import read_rows, times
from mmerc.errors import CorpusError

SUBTITLES = {".srt": "srt", ".vtt": "vtt"}
ENDINGS = (*SUBTITLES, ".csv", ".tsv", ".json")
COLUMNS = ("start", "end", "text")
MARKUP = re.compile(r"</?[a-zA-Z][^>]*>|\{\\[^}]*\}")
VOICE = re.compile(r"<v(?:\.[^ >]*)?\s+([^>]+)>")  # WebVTT
# "ROSS: Hi", "Dr. Green: Hi", "SPEAKER 1: Hi"; no word of a name begins small but these, so "He said: no" names nobody.
_WORD = r"[^\s:：<>(){}\[\]\"!?,;]+"
NAMED = re.compile(rf"({_WORD}(?: {_WORD}){{0,3}}) ?(?::\s+|：\s*)(?=[^\s\d])")
CASELESS = 8  # letters of a name in a script without capitals, where a clause looks the same
SMALL = frozenset(
    [
        "and",
        "und",
        "et",
        "y",
        "e",
        "von",
        "van",
        "der",
        "den",
        "de",
        "la",
        "le",
        "da",
        "di",
        "du",
        "del",
        "dos",
        "bin",
        "al",
    ]
)
BRACKETED = re.compile(r"\[([^\]]{1,40})\]\s*:\s*|\[([A-Z][^\]]{0,39})\]\s+(?=\S)")  # [SPEAKER_00]: Hi, [Ross] Hi
DASH = re.compile(r"[-–—]\s*(?=\S)")  # several people in one subtitle, a line each


@dataclass(frozen=True)
class Segment:
    """Something said between two times, in seconds; `speaker` is empty where nobody is named."""

    start: float
    end: float
    text: str
    speaker: str = ""


def read_transcript(file: Path) -> tuple[list[Segment], list[Problem]]:
    """The segments of a transcript, in the order of their times. A row of a table or of JSON may lack its text: voice and face
    are there all the same.

    Raises:
        CorpusError: the file is absent, of no known kind, damaged, or holds no segment.
    """
    problems: list[Problem] = []
    suffix = file.suffix.lower()
    if suffix in SUBTITLES:
        segments = list(_subtitles(file, SUBTITLES[suffix]))
    elif suffix == ".json":
        segments = list(_whisper(file, problems))
    elif suffix in (".csv", ".tsv"):
        segments = list(_table(file, problems))
    else:
        raise CorpusError(f"{file} is no transcript that is known: give one of {', '.join(ENDINGS)}.")
    kept = []
    for segment in segments:
        if not 0 <= segment.start < segment.end < math.inf:
            what = f"lasts from {segment.start:.3f} to {segment.end:.3f} s; left out"
            problems.append(Problem("time", file.name, what))
        else:
            kept.append(segment)
    if not kept:
        first = f" ({problems[0].where.removeprefix(file.name).strip()}: {problems[0].what})" if problems else ""
        raise CorpusError(f"{file} holds no line with a time{first}: is it the right file?")
    return sorted(kept, key=lambda segment: (segment.start, segment.end)), problems


def _subtitles(file: Path, form: str) -> Iterator[Segment]:
    text = _text(file)
    try:
        events = pysubs2.SSAFile.from_string(text, format_=form, keep_unknown_html_tags=True)
    except (pysubs2.Pysubs2Error, ValueError) as error:
        raise CorpusError(f"{file} is no {form.upper()} file ({str(error)[:80]}): export it again.") from error
    for event in events:
        yield from _turns(Segment(event.start / 1000, event.end / 1000, event.plaintext))


def _turns(segment: Segment) -> Iterator[Segment]:
    """One subtitle as what each of its people says; they share its time by the length of their words."""
    turns: list[tuple[str, list[str]]] = []
    for line in segment.text.splitlines():
        voice = VOICE.search(line)
        line = MARKUP.sub("", line).strip()
        dash = DASH.match(line)
        line = line[dash.end() :] if dash else line
        speaker, words = named(line)
        speaker = voice[1].strip() if voice else speaker
        if speaker or dash or not turns:
            turns.append((speaker, []))
        turns[-1][1].append(words)
    said = [(speaker, " ".join(word for word in words if word)) for speaker, words in turns]
    total = sum(len(words) for _, words in said)
    start = segment.start
    for speaker, words in said:
        if words:
            end = start + (segment.end - segment.start) * len(words) / total
            yield Segment(start, end, words, speaker)
            start = end


def named(line: str) -> tuple[str, str]:
    """Who is named at the start of a line, and what is said.

    >>> named("ROSS: Hi."), named("[Rachel] No!"), named("Jörg von Öhr: Ja."), named("He said: no.")
    (('ROSS', 'Hi.'), ('Rachel', 'No!'), ('Jörg von Öhr', 'Ja.'), ('', 'He said: no.'))
    """
    line = unicodedata.normalize("NFC", line)
    found = BRACKETED.match(line) or NAMED.match(line)
    if found is None or (found.re is NAMED and not _is_name(found[1].split())):
        return "", line
    return next(name for name in found.groups() if name).strip(), line[found.end() :]


def _is_name(words: list[str]) -> bool:
    if not all(word == "&" or word[0].isalnum() or word[0] == "#" for word in words) or words[0][0].islower():
        return False
    if words[0].upper() == words[0].lower() and any(letter.isalpha() for letter in words[0]):
        return len(words) == 1 and len(words[0]) <= CASELESS
    return all(word in SMALL or not word[0].islower() for word in words)


def _whisper(file: Path, problems: list[Problem]) -> Iterator[Segment]:
    try:
        content: Any = json.loads(_text(file))
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{file} is no JSON ({error}): export it again.") from error
    rows = content.get("segments") if isinstance(content, dict) else content
    if not isinstance(rows, list):
        raise CorpusError(f"{file} has no list of segments: Whisper's JSON has one under `segments`.")
    for number, row in enumerate(rows):
        try:
            segment = Segment(
                float(row["start"]), float(row["end"]), replace_surrogates(str(row.get("text") or "").strip())
            )
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            problems.append(Problem("row", f"{file.name} segment {number}", "lacks its start or end; left out"))
            continue
        speaker = replace_surrogates(str(row.get("speaker") or "").strip())
        name, words = ("", segment.text) if speaker else named(segment.text)
        yield replace(segment, text=words, speaker=speaker or name)


def _table(file: Path, problems: list[Problem]) -> Iterator[Segment]:
    rows, complaints = read_rows(file, COLUMNS)
    problems += complaints
    for number, row in enumerate(rows, start=2):
        where = f"{file.name} row {number}"
        start, end, wrong = times(row["start"], row["end"], where, "left out")
        problems += wrong
        if start is None or end is None:
            problems += [] if wrong else [Problem("time", where, "lacks its start or end; left out")]
            continue
        yield Segment(start, end, row["text"], row.get("speaker", ""))


def _text(file: Path) -> str:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise CorpusError(f"{file} cannot be read ({error.strerror}): check the path and its permissions.") from error
    for encoding in ("utf-8-sig", "utf-16") if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("cp1252", errors="replace")
