"""Tables of listeners and of a series."""

import csv
import io
import json
import zipfile
from pathlib import Path

from mmerc.inference.export.document import Document
from mmerc.inference.export.extras import write_extras
from mmerc.inference.export.rows import make_json
from mmerc.inference.export.workbook import make_workbook
from mmerc.model.prediction import Prediction

ROW = Prediction(
    split="input", dialogue="talk", utterance=0, speaker="Ann", emotion="joy", confidence=0.8,
    probabilities={"joy": 0.8, "anger": 0.2}, modalities=("audio",),
)  # fmt: skip
LISTENER = ROW.model_copy(update={"speaker": "Bo", "face_of": "listener", "modalities": ("face",)})


def test_beside_a_table_they_are_a_second_one(tmp_path: Path) -> None:
    document = Document([ROW], listeners=[LISTENER])
    (file,) = write_extras(tmp_path / "talk.csv", "csv", document)
    assert file.name == "talk.listeners.csv"
    (row,) = csv.DictReader(io.StringIO(file.read_text("utf-8")))
    assert (row["speaker"], row["face_of"], row["p_joy"]) == ("Bo", "listener", "0.8")
    (lines,) = write_extras(tmp_path / "talk.jsonl", "jsonl", Document([ROW], series=[ROW, ROW]))
    assert lines.name == "talk.series.jsonl" and len(lines.read_text("utf-8").splitlines()) == 2
    assert write_extras(tmp_path / "talk.csv", "csv", Document([ROW])) == []


def test_json_and_workbooks_hold_them(tmp_path: Path) -> None:
    document = Document([ROW], listeners=[LISTENER], series=[ROW, ROW])
    content = json.loads(make_json(document))
    assert [len(content[name]) for name in ("predictions", "listeners", "series")] == [1, 1, 2]
    with zipfile.ZipFile(io.BytesIO(make_workbook(document))) as book:
        sheets = book.read("xl/workbook.xml").decode()
    assert all(f'name="{name}"' in sheets for name in ("emotions", "listeners", "series"))
    assert write_extras(tmp_path / "talk.xlsx", "xlsx", document) == []
