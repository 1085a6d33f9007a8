"""Rows that are no utterances: the listeners' expressions, and a series over time. They are tables of their own.

JSON and XLSX hold them beside the utterances. Beside any other file they are a second one, such as `talk.listeners.csv`.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mmerc.files import write_lines
from mmerc.inference.export.document import Document
from mmerc.inference.export.rows import make_csv, make_json_lines

WHOLE = ("json", "xlsx", "xlsx-long")  # formats that hold all rows in one file


def split_extras(document: Document) -> Iterator[tuple[str, Document]]:
    """Each kind of rows that the document has besides the utterances, as a document of these rows alone."""
    for kind, rows in document.extras.items():
        yield kind, replace(document, predictions=rows, listeners=None, series=None)


def name_extra(file: Path, kind: str, form: str) -> Path:
    """The file of the rows of this kind.

    >>> name_extra(Path("out/talk.eaf"), "series", "eaf"), name_extra(Path("talk.json"), "series", "json")
    (PosixPath('out/talk.series.csv'), PosixPath('talk.json'))
    """
    suffix = ".jsonl" if form == "jsonl" else ".csv"
    return file if form in WHOLE else file.with_name(f"{file.stem}.{kind}{suffix}")


def write_extras(file: Path, form: str, document: Document) -> list[Path]:
    """Write the files beside `file`, where its format does not hold these rows; returns them.

    Raises:
        RunError: a file cannot be written.
    """
    written = []
    for kind, part in split_extras(document):
        target = name_extra(file, kind, form)
        if target != file:
            lines = make_json_lines(part) if form == "jsonl" else [make_csv(part, is_long=form == "csv-long")]
            write_lines(target, lines)
            written.append(target)
    return written
