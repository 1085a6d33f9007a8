"""WebVTT by blocks: the specification's cases, and those in which pysubs2 and webvtt-py differ from it.

pysubs2 takes everything between two timing lines for text: identifiers, NOTE, STYLE and REGION. webvtt-py drops cues with damaged
times and blocks without times silently, and reads no voices inside a line.
"""

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.cue import Cue, Line
from mmerc.corpora.transcripts.webvtt import read_webvtt


def read(text: str) -> list[tuple[float, float | None, str]]:
    problems: list[Problem] = []
    cues = read_webvtt(text, "a.vtt", problems)
    assert problems == []
    return [(cue.start, cue.end, " ".join(line.text for line in cue.lines)) for cue in cues]


def test_what_is_no_cue() -> None:
    text = """WEBVTT - a title
Kind: captions
X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000

STYLE
::cue { color: red }

REGION
id:fred
width:40%

NOTE a comment
over two lines

00:01.000 --> 00:02.000 region:fred line:0
Hi

NOTE

a1b2-c3/12-0
00:00:03.000 --> 00:00:04.000
Bye
"""
    assert read(text) == [(1.0, 2.0, "Hi"), (3.0, 4.0, "Bye")]


def test_identifiers_are_no_text_without_empty_lines() -> None:
    cues = "WEBVTT\n{}\n00:01.000 --> 00:02.000\na\n{}\n00:03.000 --> 00:04.000\nb\n{}\n00:05.000 --> 00:06.000\nc"
    right = [(1.0, 2.0, "a"), (3.0, 4.0, "b"), (5.0, 6.0, "c")]
    assert read(cues.format(1, 2, 3)) == right
    assert read(cues.format("cue-a1", "cue-a2", "cue-a3")) == right
    assert read(cues.format("aaaabbbb-cccc/1-0", "ddddeeee-ffff/1-0", "0000eeee-ffff/1-1")) == right


def test_a_number_is_text_where_cues_have_no_identifiers() -> None:
    assert read("WEBVTT\n\n00:01.000 --> 00:02.000\na\n7\n00:03.000 --> 00:04.000\nb") == [
        (1.0, 2.0, "a 7"),
        (3.0, 4.0, "b"),
    ]


def test_a_line_of_spaces_is_text_as_in_youtubes_files_or_an_empty_line() -> None:
    youtube = "WEBVTT\n\n00:01.000 --> 00:02.000\n \nhello\n\n00:02.000 --> 00:03.000\nhello\n \n"
    assert read(youtube) == [(1.0, 2.0, "hello"), (2.0, 3.0, "hello")]
    assert read("WEBVTT\n \n1\n00:01.000 --> 00:02.000\na\n \n2\n00:03.000 --> 00:04.000\nb\n\t\nNOTE x\n") == [
        (1.0, 2.0, "a"),
        (3.0, 4.0, "b"),
    ]


def test_nothing_is_skipped_in_silence() -> None:
    problems: list[Problem] = []
    text = (
        "WEBVTT\n\n00:01.000 --> 00:02.000\na\n\nlost words\n\n00:0x.000 --> 00:04.000\nb\n\n00:05.000 --> 00:06.000\nc"
    )
    assert [cue.lines[0].text for cue in read_webvtt(text, "a.vtt", problems)] == ["a", "c"]
    assert [(problem.where, problem.what) for problem in problems] == [
        ("a.vtt line 6", 'has no time that can be read: "lost words" is left out'),
        ("a.vtt line 8", 'has no time that can be read: "00:0x.000 --> 00:04.000 b" is left out'),
    ]


def test_a_cue_knows_its_line_and_its_voices() -> None:
    assert read_webvtt("WEBVTT\n\nid\n00:01.000 --> 00:02.000\n<v Ann>Hi <v Bob>Yo", "a.vtt", []) == [
        Cue(1.0, 2.0, (Line("Hi", "Ann"), Line("Yo", "Bob")), 4)
    ]


def test_joined_parts_of_a_stream_have_one_clock_and_no_copies() -> None:
    text = """WEBVTT
X-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000

00:01.000 --> 00:02.000
a

00:09.000 --> 00:11.000
b

WEBVTT
X-TIMESTAMP-MAP=MPEGTS:1800000,LOCAL:00:00:00.000

00:00.000 --> 00:01.000
c

00:12.000 --> 00:13.000
d
"""
    assert read(text) == [(1.0, 2.0, "a"), (9.0, 11.0, "b"), (10.0, 11.0, "c"), (22.0, 23.0, "d")]
    again = text.replace("MPEGTS:1800000", "MPEGTS:900000").replace(
        "00:00.000 --> 00:01.000\nc", "00:09.000 --> 00:11.000\nb"
    )
    assert read(again) == [(1.0, 2.0, "a"), (9.0, 11.0, "b"), (12.0, 13.0, "d")]
