import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmerc.corpora.paths import LFS_HEADER
from mmerc.corpora.readers.rows import read_rows, repair_control_characters
from mmerc.corpora.readers.times import parse_seconds
from mmerc.errors import CorpusError


def test_control_characters_of_old_copies() -> None:
    assert repair_control_characters("You\x92re \x93here\x94\x97\x85") == "You’re “here”—…"
    assert repair_control_characters("plain é ’") == "plain é ’"


def test_a_file_in_another_encoding_is_read_and_reported(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes("a,b\r\ncaf\xe9,\x92\r\n".encode("latin-1"))
    rows, problems = read_rows(file, ("a",))
    assert rows == [{"a": "café", "b": "’"}]
    assert [(problem.kind, "read as cp1252" in problem.what) for problem in problems] == [("encoding", True)]


def test_byte_order_mark_and_rows_of_another_length(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b"\xef\xbb\xbfa,b\n1\n\n,\n1,2,3\n")
    rows, problems = read_rows(file, ("a", "b"))
    assert rows == [{"a": "1", "b": ""}, {"a": "1", "b": "2"}]
    assert [row.number for row in rows] == [2, 5]  # as a spreadsheet counts; empty rows are no rows
    assert [(problem.where, problem.what.split(":")[0]) for problem in problems] == [
        ("rows.csv row 2", "has 1 fields and the header has 2"),
        ("rows.csv row 5", "has 3 fields and the header has 2"),
    ]


def test_missing_column_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n")
    with pytest.raises(CorpusError, match=r"lacks the column text \(found: a, b\)"):
        read_rows(file, ("a", "text"))


def test_a_pointer_of_git_lfs_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(LFS_HEADER + b"v1\n")
    with pytest.raises(CorpusError, match="is a Git LFS pointer and not the file itself: run `git lfs pull`"):
        read_rows(tmp_path / "rows.csv", ("a",))


def test_a_cell_may_have_several_lines(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('a,b\n1,"one\ntwo, and\n\n""three"""\n2,"4,5\n6,7"\n')
    rows, problems = read_rows(tmp_path / "rows.csv", ("a", "b"))
    assert rows == [{"a": "1", "b": 'one\ntwo, and\n\n"three"'}, {"a": "2", "b": "4,5\n6,7"}] and problems == []


@pytest.mark.parametrize(
    ("lines", "kept", "lost"),
    [
        (['1,A,"Hi', "2,B,Ho", "3,C,Hu"], 1, 2),  # to the end of the file
        (["1,A,Hi", '2,B,"Ho', "3,C,Hu", '4,D,"He"', "5,E,Ha"], 3, 2),  # to the next quote
        (['1,A,"Hi" ', "2,B,Ho"], 2, 0),  # a space after the quote joins nothing
        (['1,A,"Hi', 'you" ', "2,B,Ho"], 2, 0),
    ],
)
def test_a_quote_that_is_not_closed_says_how_many_lines_are_lost(
    tmp_path: Path, lines: list[str], kept: int, lost: int
) -> None:
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,c", *lines]) + "\n")
    rows, problems = read_rows(tmp_path / "rows.csv", ("a", "b", "c"))
    assert len(rows) == kept
    assert [problem.what.split(":")[1].split(".")[0] for problem in problems] == (
        [f" the next {lost} lines became part of this row"] if lost else []
    )


def test_backslashes_may_escape_quotes(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('a,b\n1,"He said \\"no, no\\"."\n2,"C:\\\\temp"\n')
    rows, problems = read_rows(tmp_path / "rows.csv", ("a", "b"))
    assert [row["b"] for row in rows] == ['He said "no, no".', "C:\\temp"] and problems == []


def test_names_that_differ_in_case_alone_stay_apart(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,X,x\n1,2,3\n")
    assert read_rows(tmp_path / "rows.csv", ("a",))[0] == [{"a": "1", "X": "2", "x": "3"}]
    (tmp_path / "pose.csv").write_text("sep=;\nDialogue;F0;f0\n1;2;3\n")
    assert read_rows(tmp_path / "pose.csv", ("dialogue",))[0] == [{"dialogue": "1", "F0": "2", "f0": "3"}]
    (tmp_path / "meld.csv").write_text("dialogue_id,Other\n1,2\n")
    assert read_rows(tmp_path / "meld.csv", ("Dialogue_ID",))[0] == [{"Dialogue_ID": "1", "Other": "2"}]


# Letters of several scripts, and everything that quoting is for. Tables trim the ends of their cells.
CELLS = st.text("abcÄñ’小明Привет ,;|\t\"'\n.-", max_size=12).map(str.strip)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
QUOTING = {"minimal": csv.QUOTE_MINIMAL, "all": csv.QUOTE_ALL, "text": csv.QUOTE_NONNUMERIC}


@given(
    rows=st.lists(st.tuples(st.decimals(0, 999, places=3), CELLS, CELLS), min_size=1, max_size=6),
    separator=st.sampled_from(",;\t|"),
    quoting=st.sampled_from(sorted(QUOTING)),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(ENCODINGS),
    sign=st.sampled_from(".,"),
    title=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_every_dialect_gives_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[object, str, str]],
    separator: str,
    quoting: str,
    end: str,
    encoding: str,
    sign: str,
    title: bool,
) -> None:
    header = ["start", "speaker", "text"]
    stream = io.StringIO(newline="")
    if end == "\r":
        quoting = "all"  # else Python's writer leaves a cell with "\n" unquoted, which no reader can undo
    writer = csv.writer(stream, delimiter=separator, quoting=QUOTING[quoting], lineterminator=end)  # type: ignore[arg-type]
    writer.writerow([name.title() for name in header] if title else header)
    writer.writerows([str(start).replace(".", sign), speaker, text] for start, speaker, text in rows)
    file = tmp_path_factory.mktemp("dialect") / "rows.csv"
    file.write_bytes(stream.getvalue().encode(encoding))

    found, problems = read_rows(file, ("start", "text"))

    assert [(parse_seconds(row["start"]), row["speaker"], row["text"]) for row in found] == [
        (float(start), speaker, text)
        for start, speaker, text in rows  # type: ignore[arg-type]
    ]
    assert [problem for problem in problems if problem.kind != "encoding"] == []
