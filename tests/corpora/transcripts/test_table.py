import pytest

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.table import find_separator, read_table
from mmerc.errors import CorpusError


def read(text: str) -> list[tuple[float, float | None, str, str]]:
    problems: list[Problem] = []
    cues = read_table(text, "a.csv", problems)
    assert problems == []
    return [(cue.start, cue.end, "|".join(line.text for line in cue.lines), cue.lines[0].speaker) for cue in cues]


@pytest.mark.parametrize(
    "text",
    [
        "start,end,speaker,text\n0.5,1.5,Ann,Hi\n2,3,Bob,Yo\n",
        "Start;End;Speaker;Text\r\n0,5;1,5;Ann;Hi\r\n2;3;Bob;Yo\r\n",
        "sep=;\nstart;end;speaker;text\n0.5;1.5;Ann;Hi\n2;3;Bob;Yo\n",
        "start\tend\tspeaker\ttext\n0.5\t1.5\tAnn\tHi\n\n2\t3\tBob\tYo",
        "Text,Speaker Name,Start Time,Duration\nHi,Ann,00:00:00.5,1\nYo,Bob,00:00:02,1\n",
        "start_ms,end_ms,who,transcript\n500,1500,Ann,Hi\n2000,3000,Bob,Yo\n",
    ],
)
def test_columns_and_separators(text: str) -> None:
    assert read(text) == [(0.5, 1.5, "Hi", "Ann"), (2.0, 3.0, "Yo", "Bob")]


def test_whisper_and_whisper_cpp_write_milliseconds() -> None:
    right = [(0.0, 4.56, 'He said "no", and left.', ""), (12.0, 16.8, "Please go away.", "")]
    assert read('start\tend\ttext\n0\t4560\tHe said "no", and left.\n12000\t16800\tPlease go away.\n') == right
    assert read('start,end,text\n0,4560," He said ""no"", and left."\n12000,16800," Please go away."\n') == right
    assert read('start,end,text\n0,4560," He said \\"no\\", and left."\n12000,16800," Please go away."\n') == right


def test_quotes_of_whispers_tsv_are_text() -> None:
    assert read('start\tend\ttext\n0\t4560\t"No," he said, and left.\n5000\t9000\t"Oh" she said.\n') == [
        (0.0, 4.56, '"No," he said, and left.', ""),
        (5.0, 9.0, '"Oh" she said.', ""),
    ]


def test_a_field_of_several_lines_and_commas_without_quotes() -> None:
    assert read('start,end,text\n0,1.5,"Hi\nall"\n2,3,Yes, it is\n') == [
        (0.0, 1.5, "Hi|all", ""),
        (2.0, 3.0, "Yes, it is", ""),
    ]


def test_a_row_may_lack_its_text_or_its_end() -> None:
    assert read("start,end,speaker,text\n0.5,1.5,Ann,\n2,,,Hi\n") == [(0.5, 1.5, "", "Ann"), (2.0, None, "Hi", "")]


def test_what_is_wrong_is_reported() -> None:
    problems: list[Problem] = []
    rows = "start,end,text,x\n0.5,1,a,\nx,2,b,\n,3,c,\n5,6,d\n"
    assert [cue.lines[0].text for cue in read_table(rows, "a.csv", problems)] == ["a", "d"]
    assert [(problem.where, problem.what) for problem in problems] == [
        ("a.csv row 3", '"x" is not a time; left out'),
        ("a.csv row 4", "lacks its start; left out"),
        ("a.csv row 5", "has more or fewer fields than the header"),
    ]


def test_a_quote_that_is_not_closed_loses_nothing() -> None:
    problems: list[Problem] = []
    cues = read_table('start,end,text\n0.5,1.5,"Hi there\n2,3,ok\n4,5,yes\n', "a.csv", problems)
    assert [cue.lines[0].text for cue in cues] == ["Hi there", "ok", "yes"]
    assert [problem.what for problem in problems] == ["has a quote that is not closed: each line is read as a row"]


def test_a_header_without_the_columns() -> None:
    assert find_separator("a,b\n0,1") is None
    with pytest.raises(
        CorpusError, match=r"a.csv lacks the column text \(found: start, end\): add it to the header line"
    ):
        read_table("start,end\n0,1\n", "a.csv", [])
    with pytest.raises(CorpusError, match=r"lacks the column start \(found: x; y\)|lacks the column start"):
        read_table("x;y\n0;1\n", "a.csv", [])
    with pytest.raises(CorpusError, match="lacks the column start"):
        read_table("", "a.csv", [])
