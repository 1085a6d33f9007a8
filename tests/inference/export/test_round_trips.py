"""What is written is read back: the same times, labels, speakers and words, whatever these are."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from openpyxl.utils.escape import unescape

from mmerc.corpora.transcripts import Annotation, read_annotations, read_transcript
from mmerc.inference.export.document import Document
from mmerc.inference.export.formats import FORMATS, write_document
from tests.inference.export.predictions import Said, conversations, make_conversation, make_document, make_prediction

FORMATS_WITH_LABELS = {"eaf": ".eaf", "textgrid": ".TextGrid", "vtt": ".vtt", "csv": ".csv"}
SETTINGS = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def sort_rows(rows: Iterable[Annotation]) -> list[tuple[object, ...]]:
    return sorted(tuple(round(cell, 3) if isinstance(cell, float) else cell for cell in row) for row in rows)


def make_rows(document: Document) -> list[tuple[object, ...]]:
    return sort_rows(
        Annotation(each.start or 0, each.end or 0, each.text or "", each.speaker, each.emotion, each.confidence)
        for each in document.predictions
    )


@pytest.mark.parametrize("form", FORMATS_WITH_LABELS)
@SETTINGS
@given(said=conversations())
def test_labels_words_speakers_and_times_are_read_back(tmp_path: Path, form: str, said: list[Said]) -> None:
    document = make_conversation(said)
    file = tmp_path / f"talk{FORMATS_WITH_LABELS[form]}"
    write_document(file, form, document)
    assert sort_rows(read_annotations(file)) == make_rows(document)


@SETTINGS
@given(said=conversations())
def test_speakers_and_times_of_rttm_are_read_back(tmp_path: Path, said: list[Said]) -> None:
    document = make_conversation(said)
    write_document(tmp_path / "talk.rttm", "rttm", document)
    expected = [(start, end, "", speaker, "", None) for start, end, _, speaker, _, _ in make_rows(document)]
    assert sort_rows(read_annotations(tmp_path / "talk.rttm")) == sorted(expected)


@SETTINGS
@given(said=conversations())
def test_a_workbook_and_json_have_the_same_rows_as_csv(tmp_path: Path, said: list[Said]) -> None:
    document = make_conversation(said)
    write_document(tmp_path / "talk.xlsx", "xlsx", document)
    sheet = openpyxl.load_workbook(tmp_path / "talk.xlsx").active
    assert sheet is not None
    # A cell holds a control character as _xHHHH_ (ECMA-376); spreadsheets show the character, openpyxl leaves the code.
    found = [
        ["" if cell is None else unescape(str(cell)) for cell in line] for line in sheet.iter_rows(values_only=True)
    ]
    table = list(csv.reader(io.StringIO(str(FORMATS["csv"].make(document)), newline="")))
    numbers = [
        index for index, name in enumerate(table[0]) if name in ("start", "end", "confidence") or name[:2] == "p_"
    ]
    for line in [*found[1:], *table[1:]]:
        line[:] = [f"{float(cell):.6f}" if index in numbers else cell for index, cell in enumerate(line)]
    assert found == table
    rows = json.loads(str(FORMATS["json"].make(document)))["predictions"]
    assert rows == [each.to_dict() for each in document.predictions]


@pytest.mark.parametrize("form", ["eaf", "textgrid", "vtt", "srt", "csv", "json"])
def test_as_a_transcript_the_labels_are_no_words(tmp_path: Path, form: str) -> None:
    first = make_prediction("You came back!", 0.5, 1.25)
    second = make_prediction("No, really?", 1.0, 2.0, speaker="Bob Jones", emotion="très content", utterance=1)
    third = make_prediction("So?", 2.5, 3.0, utterance=2)
    fourth = make_prediction("Go.", 3.0, 3.5, speaker="Bob Jones", utterance=3)
    file = tmp_path / f"talk.{form}"
    write_document(file, form, make_document(first, second, third, fourth))
    segments, problems = read_transcript(file)
    assert problems == []
    assert [(each.start, each.end, each.speaker, each.text) for each in segments] == [
        (0.5, 1.25, "Ann", "You came back!"),
        (1.0, 2.0, "Bob Jones", "No, really?"),
        (2.5, 3.0, "Ann", "So?"),
        (3.0, 3.5, "Bob Jones", "Go."),
    ]


@pytest.mark.parametrize("form", ["eaf", "textgrid", "vtt", "srt"])
def test_an_utterance_without_words_is_one(tmp_path: Path, form: str) -> None:
    file = tmp_path / f"talk.{form}"
    write_document(file, form, make_document(make_prediction(None, 0.5, 1.0, speaker="")))
    ((only,), problems) = read_transcript(file)
    assert (only.start, only.end, only.speaker, only.text, problems) == (0.5, 1.0, "", "", [])
