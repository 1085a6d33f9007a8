"""JSON and tables."""

import csv
import json

from mmerc.inference.export.document import Document
from mmerc.inference.export.rows import make_csv, make_json, make_json_lines
from mmerc.model.prediction import list_columns
from tests.inference.export.predictions import LABELS, PROVENANCE, make_document, make_prediction

ROWS = (
    make_prediction("=1+1", 0.5, None, dialogue="Müller", influence={"text": 0.5}),
    make_prediction(None, 0.5, 1.0, influence={"face": -0.25}, missing={"audio": "it has no clip"}),
)


def test_csv_has_a_column_for_each_number_and_the_provenance() -> None:
    header, *lines = csv.reader(make_csv(make_document(*ROWS)).splitlines())
    columns = [column.name for column in list_columns([row.to_dict() for row in ROWS])]
    assert header[: len(columns)] == columns and {"trained_on", "mmerc_version", "date"} <= set(header)
    first, second = (dict(zip(header, line, strict=True)) for line in lines)
    expected = {
        "dialogue": "Müller",
        "text": "'=1+1",
        "end": "",
        "p_joy": "0.8",
        "modalities": "text face",
        "trained_on": "MELD",
    }
    assert first.items() >= (expected | {"missing_audio": "", "influence_text": "0.5", "influence_face": ""}).items()
    assert second["missing_audio"] == "it has no clip" and second["influence_face"] == "-0.25"


def test_columns_can_be_given_for_a_table_without_rows() -> None:
    header = make_csv(Document([], PROVENANCE, {"probabilities": ("joy", "fear"), "missing": ("face",)})).splitlines()[
        0
    ]
    assert "p_joy,p_fear" in header and "missing_face" in header


def test_the_long_form_has_a_row_per_utterance_and_label() -> None:
    header, *lines = csv.reader(make_csv(make_document(*ROWS), is_long=True).splitlines())
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    assert [(row["text"], row["label"]) for row in rows] == [
        (text, label) for text in ("'=1+1", "") for label in LABELS
    ]
    assert float(rows[0]["probability"]) == 0.8 and rows[5]["missing_audio"] == "it has no clip"
    assert not any(name.startswith("p_") for name in header) and all(name.isidentifier() for name in header)


def test_json_has_the_provenance_once_and_json_lines_in_each_row() -> None:
    content = json.loads(make_json(make_document(*ROWS)))
    assert content["provenance"]["trained_on"] == "MELD" and content["labels"] == list(LABELS)
    assert content["predictions"] == [row.to_dict() for row in ROWS]
    first, _ = map(json.loads, make_json_lines(make_document(*ROWS)))
    assert first["date"] == "2026-11-26" and first["text"] == "=1+1" and first["end"] is None
    assert list(make_json_lines(make_document())) == []
