"""Predictions as a file: JSON lines, CSV, or an XLSX workbook that a spreadsheet opens in any language."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from mmerc.errors import RunError
from mmerc.files import replace_atomically, write_text
from mmerc.model.prediction import Prediction, make_table

Format = Literal["jsonl", "csv", "xlsx"]
SUFFIXES: dict[str, Format] = {".csv": "csv", ".xlsx": "xlsx"}
MAX_CELL = 32_767  # characters in a cell of Excel; longer text is cut
TEXT_WIDTH = 60  # characters
Subkeys = Mapping[str, Sequence[str]]


def choose_format(file: Path | None) -> Format:
    """The format that the file's suffix stands for; JSON lines for any other suffix.

    >>> choose_format(Path("rows.CSV")), choose_format(Path("rows.txt")), choose_format(None)
    ('csv', 'jsonl', 'jsonl')
    """
    return SUFFIXES.get(file.suffix.lower(), "jsonl") if file is not None else "jsonl"


def to_text(predictions: Sequence[Prediction], form: Literal["jsonl", "csv"], subkeys: Subkeys | None = None) -> str:
    """The predictions as JSON lines or CSV. `subkeys`: see `list_columns`."""
    rows = [prediction.to_dict() for prediction in predictions]
    if form == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    buffer = io.StringIO()
    csv.writer(buffer).writerows(make_table(rows, subkeys))
    return buffer.getvalue()


def write_predictions(
    file: Path, predictions: Sequence[Prediction], form: Format, subkeys: Subkeys | None = None
) -> None:
    """Write the predictions. `subkeys`: see `list_columns`.

    Raises:
        RunError: the file cannot be written, or a workbook cannot hold so many rows.
    """
    if form != "xlsx":
        write_text(file, to_text(predictions, form, subkeys))
        return
    import xlsxwriter  # not needed for other formats

    # Text may begin with "=" or "http:"; in a cell it stays text.
    options = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    table = make_table([prediction.to_dict() for prediction in predictions], subkeys)
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, options) as book:
        sheet = book.add_worksheet("emotions")
        bold = book.add_format({"bold": True})
        for number, line in enumerate(table):
            cells: list[Any] = [cell[:MAX_CELL] if isinstance(cell, str) else cell for cell in line]
            if sheet.write_row(number, 0, cells, bold if number == 0 else None):
                raise RunError(f"{file} cannot hold {len(predictions)} rows: write them as .csv or .jsonl.")
        sheet.freeze_panes(1, 0)
        sheet.set_column(table[0].index("text"), table[0].index("text"), TEXT_WIDTH)
    with replace_atomically(file) as temporary:
        temporary.write_bytes(buffer.getvalue())
