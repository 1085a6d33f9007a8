"""Provenance, labels and rows of a file."""

from pathlib import Path

from mmerc.inference.export.document import Document, Provenance
from tests.inference.export.predictions import LABELS, MADE, PROVENANCE, make_document, make_prediction


def test_every_row_says_where_it_comes_from() -> None:
    (row,) = make_document(make_prediction("Hi", 0.0, 1.0)).rows
    expected = {"model": "meld-3f9a01bc", "trained_on": "MELD", "mmerc_version": "0.1.0", "date": "2026-11-26"}
    assert row.items() >= expected.items() and row["text"] == "Hi"


def test_provenance_is_one_line() -> None:
    assert Provenance("a\nb", "", "1.0", MADE).to_text() == "mmerc 1.0, 2026-11-26, model a b"
    assert PROVENANCE.to_text().endswith("trained on MELD")
    assert Provenance().mmerc_version and Provenance().made.tzinfo is not None


def test_labels_are_those_of_the_model() -> None:
    assert make_document().labels == LABELS
    assert Document([make_prediction("Hi", 0.0, 1.0)]).labels == LABELS


def test_a_recording_that_cannot_be_read_has_no_duration(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"x")
    assert make_document(recording=tmp_path / "a.wav").duration is None and make_document().duration is None
