"""Transcripts as tables: CSV and TSV with a header, such as Whisper's TSV and whisper.cpp's CSV, whose times are milliseconds."""

import csv
import io
from collections.abc import Iterator

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.clock import split_lines
from mmerc.corpora.transcripts.cue import Cue
from mmerc.corpora.transcripts.fields import (
    DURATION,
    END,
    SPEAKER,
    START,
    TEXT,
    find_field,
    remove_guard,
    to_name,
    to_seconds,
)
from mmerc.corpora.transcripts.markup import parse_lines
from mmerc.corpora.transcripts.units import correct_unit
from mmerc.errors import CorpusError

SEPARATORS = ("\t", ",", ";", "|")
WHISPER = ({"start", "end", "text"}, {"start", "end", "text", "speaker"})
OWN = "mmerc_version"  # a column that only tables of mmerc have
csv.field_size_limit(1 << 24)


def find_separator(text: str) -> str | None:
    """The separator with which the first line is a header that names a start and a text; `None` where there is none."""
    header = next((line for line in split_lines(text[:10_000]) if line.strip()), "")
    for separator in SEPARATORS:
        columns = _read_header(header, separator)
        if find_field(columns, START) and find_field(columns, TEXT):
            return separator
    return None


def read_table(text: str, name: str, problems: list[Problem]) -> list[Cue]:
    """The rows of a table called `name`. A row may lack its text: voice and face are there all the same.

    Raises:
        CorpusError: the header lacks a column for the start or the text.
    """
    text = "\n".join(split_lines(text)).lstrip("\n")
    if text[:4].lower() == "sep=":  # a line that only Excel uses
        text = text.partition("\n")[2]
    separator = find_separator(text)
    first, _, body = text.partition("\n")
    if separator is None:
        columns = _read_header(first, max(SEPARATORS, key=first.count))
        lacking = "start" if not find_field(columns, START) else "text"
        found = ", ".join(columns) or "nothing"
        raise CorpusError(f"{name} lacks the column {lacking} (found: {found[:200]}): add it to the header line.")
    header = list(_read_header(first, separator))
    at = {key: find_field(dict.fromkeys(header), names) for key, names in COLUMNS.items()}
    cues: list[Cue] = []
    for number, fields in enumerate(_split_rows(body, separator, name, problems), start=2):
        if not any(field.strip() for field in fields):
            continue
        where = f"{name} row {number}"
        if (
            len(fields) > len(header) and at["text"] and header[-1] == at["text"][0]
        ):  # separators in a text without quotes
            fields = [*fields[: len(header) - 1], separator.join(fields[len(header) - 1 :])]
        if len(fields) != len(header):
            problems.append(Problem("row", where, "has more or fewer fields than the header"))
        row = dict(zip(header, map(remove_guard, fields) if OWN in header else fields, strict=False))
        cue = _make_cue(row, at, number, where, problems)
        if cue is not None:
            cues.append(cue)
    has_unit = any(column and column[1] != 1.0 for column in at.values())
    is_whisper = {column.lower() for column in header} in WHISPER
    return cues if has_unit else correct_unit(cues, 1.0, name, problems, is_known=is_whisper)


COLUMNS = {"start": START, "end": END, "duration": DURATION, "text": TEXT, "speaker": SPEAKER}


def _make_cue(
    row: dict[str, str], at: dict[str, tuple[str, float] | None], number: int, where: str, problems: list[Problem]
) -> Cue | None:
    times: dict[str, float | None] = {}
    for key in ("start", "end", "duration"):
        column = at[key]
        stamp = row.get(column[0], "").strip() if column else ""
        try:
            times[key] = to_seconds(stamp, column[1] if column else 1.0)
        except (ValueError, OverflowError):
            problems.append(Problem("time", where, f'"{stamp[:40]}" is not a time; left out'))
            return None
    start, end = times["start"], times["end"]
    if start is None:
        problems.append(Problem("time", where, "lacks its start; left out"))
        return None
    if end is None and times["duration"] is not None:
        end = round(start + times["duration"], 6)
    words = row.get(at["text"][0], "") if at["text"] else ""
    speaker = to_name(row.get(at["speaker"][0])) if at["speaker"] else ""
    return Cue(start, end, parse_lines(words, speaker), number)


def _read_header(line: str, separator: str) -> dict[str, None]:
    try:
        fields = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        fields = line.split(separator)
    return {name.strip(): None for name in fields}


def _split_rows(body: str, separator: str, name: str, problems: list[Problem]) -> Iterator[list[str]]:
    """The fields of each row. Quotes follow RFC 4180, or are escaped by backslashes, or are part of the text (Whisper's TSV)."""
    for escape in (None, "\\"):
        try:
            yield from list(
                csv.reader(io.StringIO(body, newline=""), delimiter=separator, strict=True, escapechar=escape)
            )
            return
        except csv.Error:
            continue
    if separator == "\t":
        yield from (line.split(separator) for line in body.split("\n"))
        return
    what = "has a quote that is not closed: each line is read as a row"
    problems.append(Problem("row", name, what))
    for line in body.split("\n"):
        try:
            yield next(csv.reader([line], delimiter=separator), [])
        except csv.Error:
            yield line.split(separator)
