from pathlib import Path
from typing import Any

import openpyxl

from mmerc.inference.export.rows import as_text, form_of, write_answers

ROWS: list[dict[str, Any]] = [
    {
        "split": "input", "dialogue": "Müller", "utterance": n, "speaker": "Ann", "text": text, "start": 0.5, "end": None,
        "emotion": "joy", "probabilities": {"joy": 0.75, "fear": 0.25}, "modalities": ["text", "face"], "influence": influence,
    }
    for n, (text, influence) in enumerate([("=1+1", {"text": 0.5}), (None, {"face": -0.25})])
]  # fmt: skip


def test_csv_has_a_column_for_each_number() -> None:
    assert as_text(ROWS, "csv").splitlines() == [
        "split,dialogue,utterance,speaker,text,start,end,emotion,p_joy,p_fear,modalities,influence_face,influence_text",
        "input,Müller,0,Ann,=1+1,0.5,,joy,0.75,0.25,text face,,0.5",
        "input,Müller,1,Ann,,0.5,,joy,0.75,0.25,text face,-0.25,",
    ]
    assert as_text([], "jsonl") == ""


def test_a_workbook_holds_numbers_as_numbers_and_words_as_words(tmp_path: Path) -> None:
    write_answers(tmp_path / "rows.xlsx", ROWS, "xlsx")
    header, first, second = openpyxl.load_workbook(tmp_path / "rows.xlsx").active.iter_rows(values_only=True)
    assert header[:5] == ("split", "dialogue", "utterance", "speaker", "text")
    assert first == ("input", "Müller", 0, "Ann", "=1+1", 0.5, None, "joy", 0.75, 0.25, "text face", None, 0.5)
    assert second[4] is None and second[11] == -0.25


def test_a_text_too_long_for_a_cell_is_cut_and_takes_nothing_with_it(tmp_path: Path) -> None:
    write_answers(tmp_path / "rows.xlsx", [{**ROWS[0], "text": "a" * 40_000}], "xlsx")
    _, row = openpyxl.load_workbook(tmp_path / "rows.xlsx").active.iter_rows(values_only=True)
    assert len(row[4]) == 32_767 and row[7] == "joy"


def test_the_ending_says_the_form(tmp_path: Path) -> None:
    assert [form_of(Path(name)) for name in ("a.csv", "a.XLSX", "a.jsonl", "a")] == ["csv", "xlsx", "jsonl", "jsonl"]
    write_answers(tmp_path / "a", ROWS[:1], "jsonl")
    assert (tmp_path / "a").read_text("utf-8") == as_text(ROWS[:1], "jsonl")
