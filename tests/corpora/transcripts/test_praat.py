"""TextGrids in both forms, of forced aligners, and damaged ones."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts import read_transcript
from mmerc.corpora.transcripts.praat import parse_textgrid, read_textgrid
from mmerc.errors import CorpusError

Interval = tuple[float, float, str]
HEAD = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
WORDS: list[Interval] = [(0, 0.5, 'say "size = 2"'), (0.5, 0.7, ""), (0.7, 2, "xmin = 3\nno")]


def make_short(**tiers: list[Interval]) -> str:
    def quote(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    body = "".join(
        f'"IntervalTier"\n{quote(name)}\n0\n9\n{len(rows)}\n'
        + "".join(f"{a}\n{b}\n{quote(text)}\n" for a, b, text in rows)
        for name, rows in tiers.items()
    )
    return f"{HEAD}0\n9\n<exists>\n{len(tiers)}\n{body}"


LONG = (
    HEAD
    + 'xmin = 0 \nxmax = 9 \ntiers? <exists> \nsize = 1 \nitem []: \n    item [1]:\n        class = "IntervalTier" \n'
    '        name = "Ann" \n        xmin = 0 \n        xmax = 9 \n        intervals: size = 3 \n        intervals [1]:\n'
    '            xmin = 0 \n            xmax = 0.5 \n            text = "say ""size = 2""" \n        intervals [2]:\n'
    '            xmin = 0.5 \n            xmax = 0.7 \n            text = "" \n        intervals [3]:\n            xmin = 0.7 \n'
    '            xmax = 2 \n            text = "xmin = 3\nno" \n'
)


@pytest.mark.parametrize(
    "text", [LONG, make_short(Ann=WORDS), LONG.replace("\n", "\r\n")], ids=["long", "short", "crlf"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_both_forms_in_each_encoding(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "a.TextGrid").write_bytes(text.encode(encoding))
    segments, problems = read_transcript(tmp_path / "a.TextGrid")
    found = [(each.start, each.end, each.speaker, each.text) for each in segments]
    assert found == [(0.0, 0.5, "Ann", 'say "size = 2"'), (0.7, 2.0, "Ann", "xmin = 3 no")] and problems == []


def test_tiers_of_a_forced_aligner_are_words_and_phones() -> None:
    words: list[Interval] = [(0, 0.5, "well"), (0.5, 0.6, "sil"), (0.6, 1, "yes"), (3, 4, "no")]
    problems: list[Problem] = []
    text = make_short(**{"Ann - words": words, "Ann - phones": [(0, 1, "w")]})
    cues = read_textgrid(text, "f", problems)
    assert [(cue.start, cue.end, cue.lines[0].text, cue.lines[0].speaker) for cue in cues] == [
        (0, 1, "well yes", "Ann"),
        (3, 4, "no", "Ann"),
    ]
    assert [each.what for each in problems] == [
        'the tier "Ann - phones" not read: they have phones or syllables, no words'
    ]


def test_silences_of_praat_are_pauses() -> None:
    cues = read_textgrid(make_short(silences=[(0, 1, "silent"), (1, 2, "sounding"), (2, 3, "silent")]), "f", [])
    assert [(cue.start, cue.end, cue.lines[0].text, cue.lines[0].speaker) for cue in cues] == [(1, 2, "", "")]


@given(st.integers(0, len(LONG)))
def test_a_file_that_is_cut_gives_what_stands_before(at: int) -> None:
    problems: list[Problem] = []
    try:
        tiers = parse_textgrid(LONG[:at], "f", problems)
    except CorpusError as error:
        assert "f " in str(error)
        return
    marks = [mark[:3] for tier in tiers for mark in tier.marks]
    expected = [row for row in WORDS if row[2]][: len(marks)]
    assert marks[:-1] == expected[:-1] and bool(problems) == (len(marks) < 2)
    # A cut between two quotes looks like the end of a text.
    assert all(text.startswith(mark[2]) for mark, (_, _, text) in zip(marks, expected, strict=True))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello", "ends before its first tier"),
        (HEAD.replace("TextGrid", "PitchTier").encode(), 'has an object "PitchTier"'),
        (b"ooBinaryFile\x08TextGrid\0\0", "is a binary TextGrid"),
        (make_short(Ann=[(0, 1, "")]).encode(), "no line with a time"),
    ],
)
def test_what_has_no_speech_is_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.TextGrid").write_bytes(content)
    with pytest.raises(CorpusError, match=message):
        read_transcript(tmp_path / "a.TextGrid")


def test_an_infinite_number_of_intervals_is_a_cut_file() -> None:
    problems: list[Problem] = []
    (tier,) = parse_textgrid(LONG.replace("intervals: size = 3", "intervals: size = 1e400"), "a.TextGrid", problems)
    assert tier.name == "Ann" and tier.marks == [] and problems[0].kind == "cut"
    with pytest.raises(CorpusError, match="a.TextGrid ends before its first tier"):
        parse_textgrid(LONG.replace("size = 1 ", "size = 1e400 "), "a.TextGrid", [])
