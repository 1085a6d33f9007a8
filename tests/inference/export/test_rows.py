import csv
from pathlib import Path

import openpyxl

from mmerc.inference.export.rows import choose_format, to_text, write_predictions
from mmerc.model.prediction import Prediction, list_columns


def prediction(number: int, text: str | None, **fields: object) -> Prediction:
    return Prediction(
        split="input", dialogue="Müller", utterance=number, speaker="Ann", text=text, start=0.5, emotion="joy",
        confidence=0.75, probabilities={"joy": 0.75, "fear": 0.25}, modalities=("text", "face"), model="m-1", **fields,
    )  # fmt: skip


ROWS = [
    prediction(0, "=1+1", influence={"text": 0.5}),
    prediction(1, None, influence={"face": -0.25}, missing={"audio": "it has no clip"}),
]


def test_csv_has_a_column_for_each_number() -> None:
    header, *lines = csv.reader(to_text(ROWS, "csv").splitlines())
    assert header == [column.name for column in list_columns([row.to_dict() for row in ROWS])]
    first, second = (dict(zip(header, line, strict=True)) for line in lines)
    expected = {"dialogue": "Müller", "text": "'=1+1", "end": "", "p_fear": "0.25", "modalities": "text face"}
    assert first.items() >= (expected | {"missing_audio": "", "influence_text": "0.5", "influence_face": ""}).items()
    assert second["missing_audio"] == "it has no clip" and second["influence_face"] == "-0.25"
    assert to_text([], "jsonl") == ""


def test_columns_can_be_given_for_a_table_without_rows() -> None:
    header = to_text([], "csv", {"probabilities": ("joy", "fear"), "missing": ("face",)}).splitlines()[0]
    assert "p_joy,p_fear" in header and "missing_face" in header


def test_a_workbook_has_numbers_as_numbers_and_text_as_text(tmp_path: Path) -> None:
    write_predictions(tmp_path / "rows.xlsx", ROWS, "xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "rows.xlsx").active
    assert sheet is not None
    header, *lines = sheet.iter_rows(values_only=True)
    first, second = (dict(zip(header, line, strict=True)) for line in lines)
    assert first["text"] == "'=1+1" and first["utterance"] == 0 and first["p_joy"] == 0.75
    assert second["text"] is None and second["influence_face"] == -0.25


def test_text_that_is_too_long_for_a_cell_is_cut(tmp_path: Path) -> None:
    write_predictions(tmp_path / "rows.xlsx", [prediction(0, "a" * 40_000)], "xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "rows.xlsx").active
    assert sheet is not None
    header, line = sheet.iter_rows(values_only=True)
    row = dict(zip(header, line, strict=True))
    assert len(str(row["text"])) == 32_767 and row["emotion"] == "joy"


def test_the_suffix_decides_the_format(tmp_path: Path) -> None:
    assert [choose_format(Path(name)) for name in ("a.csv", "a.XLSX", "a.jsonl", "a")] == [
        "csv",
        "xlsx",
        "jsonl",
        "jsonl",
    ]
    write_predictions(tmp_path / "a", ROWS[:1], "jsonl")
    assert (tmp_path / "a").read_text("utf-8") == to_text(ROWS[:1], "jsonl")
