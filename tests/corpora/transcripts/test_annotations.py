"""Annotation files with labels; `inference/export/test_round_trips` reads what was written."""

from pathlib import Path

import pytest

from mmerc.corpora.transcripts import Annotation, read_annotations
from mmerc.errors import CorpusError


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_labels_of_subtitles_that_a_person_corrected(tmp_path: Path) -> None:
    text = "WEBVTT\n\nNOTE\nmmerc 0.1.0\n\n00:01.000 --> 00:02.000\n<v Ann>[joy 0.80] Hi</v>\n\n\n00:03.000 --> 00:04.000\nno label\n"
    assert read_annotations(write(tmp_path, "a.vtt", text)) == [
        Annotation(1.0, 2.0, "Hi", "Ann", "joy", 0.8),
        Annotation(3.0, 4.0, "no label"),
    ]


def test_rows_are_in_the_order_of_their_times(tmp_path: Path) -> None:
    text = "start,end,speaker,text,emotion\n2,3,,b,joy\n1,2,Ann,'=a,fear\n"
    assert [row.text for row in read_annotations(write(tmp_path, "a.csv", text))] == ["=a", "b"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.srt", "", "give one of .eaf"),
        ("a.csv", "start,end,speaker,text\n", "lacks the column emotion"),
        ("a.csv", "start,end,speaker,text,emotion\nx,1,,,joy\n", "row 2 has no start and end"),
        ("a.rttm", "SPEAKER a 1 x 1 <NA> <NA> A <NA>\n", "line 1 has no start"),
        ("a.eaf", "<ANNOTATION_DOCUMENT/>", "no tiers of emotions"),
        ("a.eaf", "<ANNOTATION_DOCUMENT><TIER TIER_ID='emotion'/><TIER TIER_ID='confidence'/>", "is cut or damaged"),
        ("none.vtt", None, "cannot be read"),
    ],
)
def test_a_file_without_labels_is_one_sentence(tmp_path: Path, name: str, text: str | None, message: str) -> None:
    file = tmp_path / name if text is None else write(tmp_path, name, text)
    with pytest.raises(CorpusError, match=message):
        read_annotations(file)
