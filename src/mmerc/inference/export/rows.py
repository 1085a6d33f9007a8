"""Predictions as rows: JSON lines, JSON, and tables with a row per utterance (wide) or per utterance and label (long)."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from mmerc.inference.export.document import Document, Subkeys
from mmerc.model.prediction import Prediction, guard_cell, list_columns

__all__ = ["Subkeys", "make_csv", "make_json", "make_json_lines", "make_long_table", "make_wide_table"]

Table = list[list[Any]]  # the header, and one line per row


def make_json_lines(document: Document) -> Iterator[str]:
    """A JSON object per utterance, line by line."""
    return (json.dumps(row, ensure_ascii=False) + "\n" for row in document.iterate_rows())


def make_json(document: Document) -> str:
    """One JSON object with the provenance, the labels and the predictions, and the listeners and the series if there are any."""
    content: dict[str, Any] = {
        "provenance": document.provenance.to_dict(),
        "labels": document.labels,
        "predictions": [each.to_dict() for each in document.predictions],
    }
    for kind, rows in document.extras.items():
        content[kind] = [each.to_dict() for each in rows]
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def make_csv(document: Document, *, is_long: bool = False) -> str:
    """A table as CSV."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows(make_long_table(document) if is_long else make_wide_table(document))
    return buffer.getvalue()


def make_wide_table(document: Document) -> Table:
    """A row per utterance, with a column for the probability of each label."""
    rows = document.rows
    columns = list_columns(rows, document.subkeys)
    names, values = _list_provenance(document)
    header = [column.name for column in columns] + names
    return [header, *([column.value(row) for column in columns] + values for row in rows)]


def make_long_table(document: Document) -> Table:
    """A row per utterance and label, with the columns `label` and `probability`, for mixed models and plots."""
    rows = document.rows
    columns = [each for each in list_columns(rows, document.subkeys) if each.path[0] != "probabilities"]
    names, values = _list_provenance(document)
    table: Table = [[column.name for column in columns] + ["label", "probability"] + names]
    for row in rows:
        cells = [column.value(row) for column in columns]
        for label, probability in row["probabilities"].items():
            table.append([*cells, guard_cell(label), probability, *values])
    return table


def _list_provenance(document: Document) -> tuple[list[str], list[str]]:
    """The columns that say where the predictions come from, besides those that a prediction has itself."""
    origin = {k: v for k, v in document.provenance.to_dict().items() if k not in Prediction.model_fields}
    return list(origin), [guard_cell(value) for value in origin.values()]
