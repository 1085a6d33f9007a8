"""The answers as a file: JSON lines, CSV, or a workbook that a spreadsheet opens whatever its language."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from mmerc.errors import RunError
from mmerc.files import replacing, write_text

Form = Literal["jsonl", "csv", "xlsx"]
PLAIN = ("split", "dialogue", "utterance", "speaker", "text", "start", "end", "emotion")
LONGEST_CELL = 32_767  # characters, of Excel; what is longer is cut
Rows = Sequence[dict[str, Any]]


def form_of(file: Path | None) -> Form:
    """What a file's ending asks for; JSON lines where it asks for nothing.

    >>> form_of(Path("rows.CSV")), form_of(Path("rows.txt")), form_of(None)
    ('csv', 'jsonl', 'jsonl')
    """
    endings: dict[str, Form] = {".csv": "csv", ".xlsx": "xlsx"}
    return endings.get(file.suffix.lower(), "jsonl") if file is not None else "jsonl"


def as_text(rows: Rows, form: Literal["jsonl", "csv"]) -> str:
    """The rows as they are printed."""
    if form == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    buffer = io.StringIO()
    csv.writer(buffer).writerows(table(rows))
    return buffer.getvalue()


def write_answers(file: Path, rows: Rows, form: Form) -> None:
    """Write the rows. Raises RunError: the file cannot be written."""
    if form != "xlsx":
        write_text(file, as_text(rows, form))
        return
    import xlsxwriter  # not loaded for other forms

    # What people say may begin with "=" or "http:"; in a cell it is text.
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, plain) as book:
        sheet = book.add_worksheet("emotions")
        bold = book.add_format({"bold": True})
        for number, row in enumerate(table(rows)):
            cells = [cell[:LONGEST_CELL] if isinstance(cell, str) else cell for cell in row]
            if sheet.write_row(number, 0, cells, bold if number == 0 else None):
                raise RunError(f"{file} cannot hold {len(rows)} rows: write them as .csv or .jsonl.")
        sheet.freeze_panes(1, 0)
        sheet.set_column(PLAIN.index("text"), PLAIN.index("text"), 60)
    with replacing(file) as temporary:
        temporary.write_bytes(buffer.getvalue())


def table(rows: Rows) -> list[list[Any]]:
    """A header and a line a row: plain columns, a probability a label, the modalities, and what was asked besides."""
    labels = list(rows[0]["probabilities"]) if rows else []
    explained = [
        (kind, name)
        for kind in ("influence", "attention")
        for name in sorted({n for row in rows for n in row.get(kind, {})})
    ]
    header = [
        *PLAIN,
        *(f"p_{label}" for label in labels),
        "modalities",
        *(f"{kind}_{name}" for kind, name in explained),
    ]
    lines = [
        [
            *(row[name] for name in PLAIN),
            *(row["probabilities"][label] for label in labels),
            " ".join(row["modalities"]),
            *(row.get(kind, {}).get(name, "") for kind, name in explained),
        ]
        for row in rows
    ]
    return [header, *lines]
