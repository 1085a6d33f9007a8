"""The rows of a CSV file from any program: its encoding, separator and quoting are found from its content."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.encoding import decode_any_encoding
from mmerc.corpora.paths import explain_unreadable, refuse_lfs_pointer
from mmerc.errors import CorpusError

SEPARATORS = (",", ";", "\t", "|")
EXPORT = "export it as CSV in UTF-8"
CONTROL = re.compile(r"[\x80-\x9f]")
csv.field_size_limit(1 << 24)


@dataclass(frozen=True, slots=True)
class Record:
    """The fields of one record, and where a strict reader refuses its quotes, the lines that it takes."""

    fields: list[str]
    lines: Sequence[str] = ()
    is_quoted_correctly: bool = True

    def has_open_quote(self, columns: int, separator: str) -> bool:
        """Whether a missing quote has joined this record with the records below it: some of its lines are whole records."""
        if self.is_quoted_correctly:
            return False
        return any(len(fields) == columns for fields in csv.reader(self.lines[1:], delimiter=separator))


class TableRow(dict[str, str]):
    """A row by the names of its columns; `number` is its number in a spreadsheet, where the header is row 1."""

    __slots__ = ("number",)

    def __init__(self, number: int, fields: dict[str, str]) -> None:
        super().__init__(fields)
        self.number = number


def read_rows(file: Path, required: tuple[str, ...]) -> tuple[list[TableRow], list[Problem]]:
    """The rows of a CSV file with a header, and the problems found in reading it.

    Fields are separated by commas, semicolons, tabs or bars, and quoted as in RFC 4180 or with backslashes. The encoding is
    found by `decode_any_encoding`; a guess is a problem. The names of columns may differ from `required` in upper and lower case.
    Rows without any text are skipped.

    Raises:
        CorpusError: the file cannot be opened, is not text, or lacks a required column.
    """
    text, problems = _read_text(file)
    try:
        separator, header, records = _parse(text, required)
    except csv.Error as error:
        raise CorpusError(f"{file} cannot be read as CSV ({error}): {EXPORT}.") from error
    missing = [name for name in required if name not in header]
    if missing:
        found = ", ".join(header) or "nothing"
        raise CorpusError(f"{file} lacks the column {missing[0]} (found: {found}): add it to the header line.")
    rows = []
    for number, record in enumerate(records, start=2):
        if not any(field.strip() for field in record.fields):
            continue
        where = f"{file.name} row {number}"
        if record.has_open_quote(len(header), separator):
            what = f"a quote is not closed: the next {len(record.lines) - 1} lines became part of this row. Close the quote"
            problems.append(Problem("row", where, what))
        elif len(record.fields) != len(header):
            what = f"has {len(record.fields)} fields and the header has {len(header)}: check its quotes and separators"
            problems.append(Problem("row", where, what))
        fields = [field.strip() for field in record.fields]
        rows.append(TableRow(number, dict(zip(header, fields + [""] * len(header), strict=False))))
    return rows, problems


def _read_text(file: Path) -> tuple[str, list[Problem]]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise CorpusError(explain_unreadable(file, error)) from error
    refuse_lfs_pointer(file)
    decoded = decode_any_encoding(data)
    if decoded is None or "\0" in decoded[0]:
        raise CorpusError(f"{file} holds NUL bytes and is not CSV text: {EXPORT}.")
    text, encoding, guessed = decoded
    what = f"does not declare its encoding; read as {encoding}. Save it as UTF-8 if letters are wrong"
    return repair_control_characters(text), [Problem("encoding", str(file), what)] if guessed else []


def _parse(text: str, required: tuple[str, ...]) -> tuple[str, list[str], list[Record]]:
    """The separator, the names of the columns, and the records below them."""
    separators: tuple[str, ...] = SEPARATORS
    if text[:4].lower() == "sep=":  # Excel's own line, which names the separator
        line, _, text = text.partition("\n")
        separators = (line[4:5], *SEPARATORS) if line[4:].strip("\r") else SEPARATORS
    lines = list(io.StringIO(text, newline=""))
    headers = {separator: _read_header(lines, separator, required) for separator in separators}
    separator = next((each for each in separators if set(required) <= set(headers[each])), separators[0])
    records = list(_read_records(lines, separator, escape=None))
    if '\\"' in text and not all(record.is_quoted_correctly for record in records):
        escaped = list(_read_records(lines, separator, escape="\\"))
        if all(record.is_quoted_correctly for record in escaped):
            records = escaped
    return separator, headers[separator], records[1:]


def _read_records(lines: list[str], separator: str, escape: str | None) -> Iterator[Record]:
    rules = {"delimiter": separator, "escapechar": escape, "doublequote": escape is None}
    try:
        yield from [Record(fields) for fields in csv.reader(lines, strict=True, **rules)]  # type: ignore[arg-type]
        return
    except csv.Error:
        pass  # a quote is wrong somewhere: read leniently, and check each record
    reader = csv.reader(lines, **rules)  # type: ignore[arg-type]
    begin = 0
    for fields in reader:
        own = lines[begin : reader.line_num]
        begin = reader.line_num
        try:
            list(csv.reader(own, strict=True, **rules))  # type: ignore[arg-type]
            is_correct = True
        except csv.Error:
            is_correct = False
        yield Record(fields, own, is_correct)


def _read_header(lines: list[str], separator: str, required: tuple[str, ...]) -> list[str]:
    columns = [name.strip() for name in next(csv.reader(lines, delimiter=separator), [])]
    spellings = {name.lower(): name for name in required}
    all_lower = required == tuple(spellings)  # then optional columns are in lower case, too
    counts = Counter(name.lower() for name in columns)

    def normalise(name: str) -> str:
        if counts[name.lower()] > 1:  # two names that differ only in case
            return name
        return spellings.get(name.lower(), name.lower() if all_lower else name)

    return [normalise(name) for name in columns]


def repair_control_characters(text: str) -> str:
    """Replace C1 control characters by the Windows-1252 characters of the same code, as MELD before 2020-11 needs it.

    >>> repair_control_characters("You\\x92re here")
    'You’re here'
    """
    return CONTROL.sub(lambda found: found[0].encode("latin-1").decode("cp1252", errors="replace"), text)
