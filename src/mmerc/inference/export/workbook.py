"""Predictions as an XLSX workbook, which a spreadsheet opens in any language."""

import io
from typing import Any

from mmerc.errors import RunError
from mmerc.inference.export.document import Document
from mmerc.inference.export.extras import split_extras
from mmerc.inference.export.rows import make_long_table, make_wide_table

MAX_CELL = 32_767  # characters in a cell of Excel; longer text is cut
TEXT_WIDTH = 60  # characters


def make_workbook(document: Document, *, is_long: bool = False) -> bytes:
    """The bytes of the file.

    Raises:
        RunError: a workbook cannot hold so many rows.
    """
    import xlsxwriter  # not needed for other formats

    # Text may begin with "=" or "http:"; in a cell it stays text.
    options = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    make_table = make_long_table if is_long else make_wide_table
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties({"comments": document.provenance.to_text()})
        bold = book.add_format({"bold": True})
        for name, part in (("emotions", document), *split_extras(document)):
            table = make_table(part)
            sheet = book.add_worksheet(name)
            for number, line in enumerate(table):
                cells: list[Any] = [cell[:MAX_CELL] if isinstance(cell, str) else cell for cell in line]
                if sheet.write_row(number, 0, cells, bold if number == 0 else None):
                    raise RunError(f"a workbook cannot hold {len(table) - 1} rows: write them as .csv or .jsonl.")
            sheet.freeze_panes(1, 0)
            sheet.set_column(table[0].index("text"), table[0].index("text"), TEXT_WIDTH)
    return buffer.getvalue()
