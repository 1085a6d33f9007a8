"""Reading the rows of a CSV file that somebody made: encodings, times, and one sentence for what is wrong."""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mmerc.corpora.dialogue import Problem
from mmerc.errors import CorpusError

UTF16 = (b"\xff\xfe", b"\xfe\xff")
SEPARATORS = (",", ";", "\t")
LONGEST = 30.0  # seconds; MELD's longest true utterance has 28.5, its three broken ones 41 and more
csv.field_size_limit(1 << 24)


def read_rows(file: Path, required: tuple[str, ...]) -> tuple[list[dict[str, str]], list[Problem]]:
    """The rows of a CSV file with a header, as dictionaries, and what had to be repaired to read it.

    Separated by commas or, as spreadsheets in many languages write it, by semicolons or tabs. UTF-8 with or without a byte order
    mark, or UTF-16; what is neither is read as Windows-1252 and reported. The names of columns may begin with capitals.

    Raises:
        CorpusError: the file cannot be opened, is empty, or lacks a required column.
    """
    problems: list[Problem] = []
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise CorpusError(f"{file} cannot be read ({error.strerror}): check the path and its permissions.") from error
    try:
        text = raw.decode("utf-16" if raw[:2] in UTF16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        text = raw.decode("cp1252", errors="replace")
        problems.append(Problem("encoding", str(file), f"not UTF-8 at byte {error.start}; read as Windows-1252"))
    if "\0" in text:
        raise CorpusError(f"{file} holds NUL bytes and is no CSV text: export it as CSV in UTF-8.")
    if text[:4].lower() == "sep=":  # for Excel alone
        text = text.partition("\n")[2]
    try:
        tried = (_opened(text, separator, required) for separator in SEPARATORS)
        fitting = (reader for reader in tried if set(required) <= set(reader.fieldnames or []))
        reader = next(fitting, None) or _opened(text, SEPARATORS[0], required)
    except csv.Error as error:
        raise CorpusError(f"{file} is no CSV text ({error}): export it as CSV in UTF-8.") from error
    columns = list(reader.fieldnames or [])
    missing = [name for name in required if name not in columns]
    if missing:
        found = ", ".join(columns) or "nothing"
        raise CorpusError(f"{file} lacks the column {missing[0]} (found: {found}): add it to the header line.")
    rows = []
    for number, row in enumerate(_readable(reader, file), start=2):
        if any(name is None or value is None for name, value in row.items()):  # what DictReader gives a ragged row
            problems.append(Problem("row", f"{file.name} row {number}", "has more or fewer fields than the header"))
        rows.append({name: unmangle((value or "").strip()) for name, value in row.items() if name is not None})
        if any("\n" in value for value in rows[-1].values()):
            what = "a field runs over several lines: is a quote not closed?"
            problems.append(Problem("row", f"{file.name} row {number}", what))
    return rows, problems


def _opened(text: str, separator: str, required: tuple[str, ...]) -> "csv.DictReader[str]":
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    columns = [name.strip() for name in reader.fieldnames or []]
    known = {name.lower(): name for name in required}
    small = required == tuple(known)  # where all names are small, those that may be left out are, too
    alike = Counter(name.lower() for name in columns)

    def renamed(name: str) -> str:
        if alike[name.lower()] > 1:  # two that differ in nothing else
            return name
        return known.get(name.lower(), name.lower() if small else name)

    reader.fieldnames = [renamed(name) for name in columns]
    return reader


def _readable(reader: Iterator[dict[str, str]], file: Path) -> Iterator[dict[str, str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise CorpusError(f"{file} cannot be read as CSV ({error}): correct the file.") from error


def unmangle(text: str) -> str:
    """Map C1 control characters to what Windows-1252 means by them: MELD's copies before 2020-11 hold them.

    >>> unmangle("You\\x92re here")
    'You’re here'
    """
    if not any("\x80" <= letter <= "\x9f" for letter in text):
        return text
    return "".join(
        letter.encode("latin-1").decode("cp1252", errors="replace") if "\x80" <= letter <= "\x9f" else letter
        for letter in text
    )


def seconds(stamp: str) -> float | None:
    """A time as seconds: `SS.mmm`, `SS.mmm s`, `MM:SS,mmm`, `H:MM:SS,mmm` or `HH:MM:SS,mmm`; `None` if empty.

    >>> seconds("0:16:41,126") == seconds("00:16:41,126") == 1001.126
    True

    Raises:
        ValueError: it is none of these.
    """
    if not stamp:
        return None
    parts = stamp.removesuffix("s").replace(",", ".").split(":")
    if len(parts) > 3:
        raise ValueError(stamp)
    total = 0.0
    for part in parts:
        try:
            value = float(part)
        except ValueError:
            raise ValueError(stamp) from None
        if not math.isfinite(value) or value < 0:
            raise ValueError(stamp)
        total = total * 60 + value
    return round(total, 6)


def times(
    start: str, end: str, where: str, then: str = "left empty"
) -> tuple[float | None, float | None, list[Problem]]:
    """Both ends of an utterance. Times that cannot be true are reported and kept as they stand, but for those that are no
    times at all: `then` says what becomes of these."""
    try:
        begin, finish = seconds(start), seconds(end)
    except ValueError as error:
        return None, None, [Problem("time", where, f'"{error}" is not a time; {then}')]
    if begin is None or finish is None:
        return begin, finish, []
    length = finish - begin
    if length < 0:
        return None, None, [Problem("time", where, f"ends {-length:.3f} s before it starts; {then}")]
    if length == 0:
        return begin, finish, [Problem("time", where, "has zero length")]
    if length > LONGEST:
        return begin, finish, [Problem("time", where, f"lasts {length:.1f} s, longer than {LONGEST:.0f} s")]
    return begin, finish, []
