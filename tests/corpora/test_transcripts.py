from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora.transcripts import Segment, named, read_transcript
from mmerc.errors import CorpusError

SRT = """1
00:00:01,000 --> 00:00:02,000
ROSS: Hi
there

2
00:00:03,000 --> 00:00:05,000
- Ten letters
- ten letterz

3
0:00:06,0 --> 0:00:07.500
[Joey] <b>No!</b>
"""
VTT = """WEBVTT - a title

NOTE a comment

STYLE
::cue { color: red }

intro
00:01.000 --> 00:02.500 align:start
<v Roger Bingham>We are in <i>New York</i>

00:00:03.000 --> 00:00:04.000
<v.loud Neil>Really?</v>
"""
WHISPER = """{"text": "x", "segments": [
 {"id": 0, "start": 0.5, "end": 1.5, "text": " Hello.", "speaker": "SPEAKER_01"},
 {"start": 2, "end": 3, "text": "[SPEAKER_00]: Bye."}, {"start": 4, "text": "no end"}, "rubbish"]}"""
CSV = "start,end,speaker,text\n0:01,0:02.5,Ann,Hi\n3,2,Bo,backwards\n4,5,,\n"


def read(folder: Path, name: str, text: str, encoding: str = "utf-8") -> list[Segment]:
    (folder / name).write_bytes(text.encode(encoding))
    return read_transcript(folder / name)[0]


def test_subrip(tmp_path: Path) -> None:
    expected = [
        Segment(1.0, 2.0, "Hi there", "ROSS"),
        Segment(3.0, 4.0, "Ten letters"),  # two people in one subtitle share its time
        Segment(4.0, 5.0, "ten letterz"),
        Segment(6.0, 7.5, "No!", "Joey"),
    ]
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert read(tmp_path, "a.srt", SRT, encoding) == expected
    assert read(tmp_path, "b.srt", SRT.replace("Hi", "Ça va").replace("\n", "\r\n"), "cp1252")[0].text == "Ça va there"


def test_webvtt(tmp_path: Path) -> None:
    assert read(tmp_path, "a.vtt", VTT) == [
        Segment(1.0, 2.5, "We are in New York", "Roger Bingham"),
        Segment(3.0, 4.0, "Really?", "Neil"),
    ]


def test_whisper_and_whisperx(tmp_path: Path) -> None:
    assert read(tmp_path, "a.json", WHISPER) == [
        Segment(0.5, 1.5, "Hello.", "SPEAKER_01"),
        Segment(2.0, 3.0, "Bye.", "SPEAKER_00"),
    ]
    _, problems = read_transcript(tmp_path / "a.json")
    assert [problem.where for problem in problems] == ["a.json segment 2", "a.json segment 3"]


def test_times_that_are_no_times_are_left_out(tmp_path: Path) -> None:
    rows = '[{"start": NaN, "end": 1, "text": "a"}, {"start": 0, "end": Infinity, "text": "b"}, {"start": 0, "end": 1, "text": "c"}]'
    assert [segment.text for segment in read(tmp_path, "a.json", rows)] == ["c"]


def test_a_table(tmp_path: Path) -> None:
    # Who says something without words has a voice and a face all the same.
    assert read(tmp_path, "a.csv", CSV) == [Segment(1.0, 2.5, "Hi", "Ann"), Segment(4.0, 5.0, "")]
    assert read(tmp_path, "a.tsv", CSV.replace(",", "\t").replace("start", "Start")) == read(tmp_path, "b.csv", CSV)
    _, problems = read_transcript(tmp_path / "a.csv")
    assert [problem.kind for problem in problems] == ["time"]


def test_rows_of_a_table_that_cannot_be_placed_are_left_out_and_said(tmp_path: Path) -> None:
    rows = "start,end,text\n0,1,a\nx,2,b\n5,3,c\n6,,d\n"
    assert [segment.text for segment in read(tmp_path, "odd.csv", rows)] == ["a"]
    _, problems = read_transcript(tmp_path / "odd.csv")
    assert [problem.what for problem in problems] == [
        '"x" is not a time; left out',
        "ends 2.000 s before it starts; left out",
        "lacks its start or end; left out",
    ]
    with pytest.raises(CorpusError, match=r'holds no line with a time \(row 2: "0 min" is not a time; left out\)'):
        read(tmp_path, "none.csv", "start,end,text\n0 min,1 min,a\n")


@pytest.mark.parametrize(
    ("line", "who", "words"),
    [
        ("ROSS: Hi.", "ROSS", "Hi."),
        ("Dr. Green: Hi.", "Dr. Green", "Hi."),
        ("Joey and Ross: Hi!", "Joey and Ross", "Hi!"),
        ("SPEAKER 1: Hi.", "SPEAKER 1", "Hi."),
        ("He said: no.", "", "He said: no."),
        ("It is 10:30 now", "", "It is 10:30 now"),
        ("[laughs] Well.", "", "[laughs] Well."),
        ("[SPEAKER_00]: Well.", "SPEAKER_00", "Well."),
        ("", "", ""),
        ("Dr. Jörg von Weiß: Wie geht es?", "Dr. Jörg von Weiß", "Wie geht es?"),
        ("Özlem & Ann: Ja", "Özlem & Ann", "Ja"),
        ("von Weiß: Ja", "", "von Weiß: Ja"),
        ("小明：你好", "小明", "你好"),
        ("राम: नमस्ते", "राम", "नमस्ते"),
        ("Jo\u0308rg: Ja.", "Jörg", "Ja."),
        ("今天早上我去了商店然后他告诉我：你好", "", "今天早上我去了商店然后他告诉我：你好"),
        ("Um 10：30 Uhr", "", "Um 10：30 Uhr"),
        ("قال لي: لا", "", "قال لي: لا"),
        ("A" * 5000, "", "A" * 5000),
        ("A A " * 500, "", "A A " * 500),
    ],
)
def test_who_is_named(line: str, who: str, words: str) -> None:
    assert named(line) == (who, words)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.srt", "", "holds no line with a time"),
        ("a.srt", "just words", "holds no line with a time"),
        ("a.vtt", "WEBVTT\n\n00:02.000 --> 00:01.000\nbackwards\n", "holds no line with a time"),
        ("a.json", "{", "is no JSON"),
        ("a.json", '{"text": "x"}', "has no list of segments"),
        ("a.csv", "start,end\n", "lacks the column text"),
        ("a.docx", "x", "is no transcript that is known"),
    ],
)
def test_what_is_no_transcript(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    with pytest.raises(CorpusError, match=sentence):
        read(tmp_path, name, text)
    with pytest.raises(CorpusError, match="cannot be read"):
        read_transcript(tmp_path / "absent.srt")


@given(st.text(max_size=200), st.sampled_from(["srt", "vtt", "json", "csv"]))
def test_any_text_gives_segments_in_order_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, text: str, kind: str
) -> None:
    file = tmp_path_factory.mktemp("t") / f"a.{kind}"
    file.write_text(
        ("1\n00:00:01,000 --> 00:00:02,000\n" if kind == "srt" else "") + text, encoding="utf-8", errors="replace"
    )
    try:
        segments, _ = read_transcript(file)
    except CorpusError as error:
        assert str(file) in str(error)
        return
    assert all(segment.start < segment.end and segment.text for segment in segments)
    assert segments == sorted(segments, key=lambda segment: (segment.start, segment.end))
