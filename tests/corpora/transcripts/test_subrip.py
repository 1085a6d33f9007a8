"""SRT as people's programs write it; pysubs2 takes most of these lines for text of the cue before, or drops them."""

import pytest

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.subrip import parse_sbv_timing, read_sbv, read_subrip

A, B = "00:00:01,000 --> 00:00:02,000", "00:00:03,000 --> 00:00:04,000"


def read(text: str) -> list[str]:
    problems: list[Problem] = []
    cues = read_subrip(text, "a.srt", problems)
    assert problems == []
    return [" ".join(line.text for line in cue.lines) for cue in cues]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"1\n{A}\nHi\n\n2\n{B}\nBye\n", ["Hi", "Bye"]),
        (f"{A}\nHi\n\n{B}\nBye", ["Hi", "Bye"]),  # no numbers
        (f"{A}\nHi\n{B}\nBye", ["Hi", "Bye"]),  # nor empty lines
        (f"1\n{A}\nHi\n2\n{B}\nBye", ["Hi", "Bye"]),  # no empty lines
        (f"1\n{A}\nHi\n\n2\n\n2\n{B}\nBye", ["Hi", "Bye"]),  # a number twice
        (f"1\r{A}\rHi\r\r2\r{B}\rBye\r", ["Hi", "Bye"]),
        (f"1\r\r\n{A}\r\r\nHi\r\r\n\r\r\n2\r\r\n{B}\r\r\nBye\r\r\n", ["Hi", "Bye"]),
        (f"1\n{A}\nHi\n\nthere\n\n2\n{B}\n\nBye\n", ["Hi there", "Bye"]),  # empty lines in the text
        (f"1\n{A}\n42\n\n2\n{B}\nBye\n7\n", ["42", "Bye 7"]),
        (f"1\n{A}\nHow many?\n7\n\n2\n{B}\n2\n", ["How many? 7", "2"]),
        (f"1\n{A}\n2\n\n2\n{B}\nBye", ["2", "Bye"]),  # the text is the next cue's number
        (f"1\n{A}\n5\n2\n{B}\nBye", ["5", "Bye"]),
        (f"1\n{A}\n\n2\n{B}\nBye", ["Bye"]),  # an empty cue
        (f"1\n{A}\n2\n{B}\nBye", ["Bye"]),
        (f"10\n{A}\nHi\n\n12\n{B}\nBye", ["Hi", "Bye"]),  # a gap in the numbers
    ],
)
def test_cues(text: str, words: list[str]) -> None:
    assert read(text) == words


def test_no_cue_is_swallowed_by_another() -> None:
    problems: list[Problem] = []
    text = f"words before\n\n1\n{A}\nHi\n\n2\n00:00:0x,000 --> 00:00:04,000\nBye\n\n3\n00:00:05,000 --> 00:00:06,000\nSo --> go\n"
    cues = read_subrip(text, "a.srt", problems)
    assert [cue.lines[0].text for cue in cues] == ["Hi", "So --> go"]
    assert [(problem.where, problem.what) for problem in problems] == [
        ("a.srt line 8", '"00:00:0x,000 --> 00:00:04,000" is no pair of times; left out, with the words "Bye"'),
        ("a.srt line 1", 'has no time: "words before" is left out'),
    ]


def test_sbv() -> None:
    cues = read_sbv("0:00:01.000,0:00:03.000\nHello[br]there\n\n0:00:04.000,0:00:05.500\nBye\n", "a.sbv", [])
    assert [(cue.start, cue.end, [line.text for line in cue.lines]) for cue in cues] == [
        (1.0, 3.0, ["Hello", "there"]),
        (4.0, 5.5, ["Bye"]),
    ]
    assert parse_sbv_timing("Yes, no") is None


def test_a_time_of_very_many_hours_is_no_timing_of_sbv() -> None:
    assert parse_sbv_timing("999999999999999:00:02.000,0:00:03.000") is None
    assert parse_sbv_timing("0:00:01.000,0:00:02.500") == (1.0, 2.5)
