from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora.readers.rows import read_rows, seconds, times, unmangle
from mmerc.errors import CorpusError


@given(st.integers(0, 9), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_both_of_melds_forms_of_a_time(hours: int, minutes: int, secs: int, millis: int) -> None:
    expected = pytest.approx(hours * 3600 + minutes * 60 + secs + millis / 1000)
    assert seconds(f"{hours}:{minutes:02}:{secs:02},{millis:03}") == expected
    assert seconds(f"{hours:02}:{minutes:02}:{secs:02},{millis:03}") == expected


@given(st.text())
def test_any_text_is_a_time_or_a_problem(text: str) -> None:
    start, end, problems = times(text, "5.0", "here")
    assert problems or start is None or 0 <= start <= 5.0 or (start > 5 and problems)


@pytest.mark.parametrize("stamp", ["1:2:3:4", "s", "2 min", "nan", "-1", "1:-2", "noon", "inf"])
def test_no_time(stamp: str) -> None:
    with pytest.raises(ValueError):
        seconds(stamp)


def test_impossible_times() -> None:
    assert times("5", "3", "x")[:2] == (None, None)
    assert [problem.what for problem in times("5", "5", "x")[2]] == ["has zero length"]
    assert [problem.what for problem in times("0", "304.94", "x")[2]] == ["lasts 304.9 s, longer than 30 s"]


def test_control_characters_of_old_copies() -> None:
    assert unmangle("You\x92re \x93here\x94\x97\x85") == "You’re “here”—…"
    assert unmangle("plain é ’") == "plain é ’"


def test_windows_file_is_read_and_reported(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes("a,b\r\ncaf\xe9,\x92\r\n".encode("latin-1"))
    rows, problems = read_rows(file, ("a",))
    assert rows == [{"a": "café", "b": "’"}]
    assert [problem.kind for problem in problems] == ["encoding"]


def test_byte_order_mark_and_ragged_rows(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b"\xef\xbb\xbfa,b\n1\n1,2,3\n")
    rows, problems = read_rows(file, ("a", "b"))
    assert rows == [{"a": "1", "b": ""}, {"a": "1", "b": "2"}]
    assert [problem.where for problem in problems] == ["rows.csv row 2", "rows.csv row 3"]


def test_missing_column_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n")
    with pytest.raises(CorpusError, match=r"lacks the column text \(found: a, b\)"):
        read_rows(file, ("a", "text"))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_spreadsheets_write(tmp_path: Path, separator: str, encoding: str) -> None:
    file = tmp_path / "rows.csv"
    lines = [["Start", "Text", "Speaker"], ["0,5", '"Grüße; an, alle"', "Müller"], ["1", "", ""]]
    file.write_bytes("\r\n".join(separator.join(line) for line in lines).replace("0,5", '"0,5"').encode(encoding))
    rows, problems = read_rows(file, ("start", "text"))
    assert rows[0] == {"start": "0,5", "text": "Grüße; an, alle", "speaker": "Müller"} and len(rows) == 2
    assert problems == [] and seconds(rows[0]["start"]) == 0.5 == seconds("0.5 s")


def test_names_that_differ_in_their_letters_size_alone_stay_apart(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,X,x\n1,2,3\n")
    assert read_rows(tmp_path / "rows.csv", ("a",))[0] == [{"a": "1", "X": "2", "x": "3"}]
    (tmp_path / "pose.csv").write_text("sep=;\nDialogue;F0;f0\n1;2;3\n")
    assert read_rows(tmp_path / "pose.csv", ("dialogue",))[0] == [{"dialogue": "1", "F0": "2", "f0": "3"}]
    (tmp_path / "meld.csv").write_text("dialogue_id,Other\n1,2\n")
    assert read_rows(tmp_path / "meld.csv", ("Dialogue_ID",))[0] == [{"Dialogue_ID": "1", "Other": "2"}]
