"""Workbooks, read by openpyxl."""

import io

import openpyxl

from mmerc.inference.export.workbook import make_workbook
from tests.inference.export.predictions import LABELS, PROVENANCE, make_document, make_prediction


def read(content: bytes) -> tuple[list[dict[object, object]], openpyxl.Workbook]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.active is not None
    header, *lines = book.active.iter_rows(values_only=True)
    return [dict(zip(header, line, strict=True)) for line in lines], book


def test_numbers_are_numbers_and_text_is_text() -> None:
    (first, second), book = read(
        make_workbook(make_document(make_prediction("=1+1", 0.5, None), make_prediction(None, 1.0, 2.0)))
    )
    assert first["text"] == "'=1+1" and first["utterance"] == 0 and first["p_joy"] == 0.8 and first["end"] is None
    assert second["text"] is None and second["model"] == "meld-3f9a01bc" and second["mmerc_version"] == "0.1.0"
    assert book.properties.description == PROVENANCE.to_text()


def test_the_long_form_has_a_row_per_label() -> None:
    rows, _ = read(make_workbook(make_document(make_prediction("Hi", 0.5, 1.0)), is_long=True))
    assert [row["label"] for row in rows] == list(LABELS) and rows[0]["probability"] == 0.8


def test_text_that_is_too_long_for_a_cell_is_cut() -> None:
    ((row,), _) = read(make_workbook(make_document(make_prediction("a" * 40_000, 0.5, 1.0))))
    assert len(str(row["text"])) == 32_767 and row["emotion"] == "joy"
