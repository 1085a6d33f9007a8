import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.json_transcript import read_json_transcript
from mmerc.errors import CorpusError


def read(content: Any) -> list[tuple[float, float | None, str, str]]:
    problems: list[Problem] = []
    cues = read_json_transcript(json.dumps(content), "a.json", problems)
    assert problems == []
    return [(cue.start, cue.end, " ".join(line.text for line in cue.lines), cue.lines[0].speaker) for cue in cues]


def test_milliseconds_and_speakers_that_are_numbers() -> None:
    rows = [{"speaker": 0, "start": 250, "end": 3500, "text": "Hello there my friend."}]
    assert read({"utterances": rows}) == [(0.25, 3.5, "Hello there my friend.", "0")]
    assert read([{"start_ms": 250, "end_ms": 3500, "text": "a"}]) == [(0.25, 3.5, "a", "")]


def test_the_unit_is_checked_against_the_words() -> None:
    problems: list[Problem] = []
    rows = [{"start": 0, "end": 4560, "text": "I can not believe that you came back."}]
    assert read_json_transcript(json.dumps(rows), "a.json", problems)[0].end == 4.56
    assert problems[0].what.startswith("the times are read as milliseconds")


def test_words_become_utterances() -> None:
    words = [("Hello", 0.5, 0.9, 0), ("you", 0.95, 1.3, 0), ("Hi", 1.4, 1.9, 1)]
    rows = [{"word": text, "start": start, "end": end, "speaker": speaker} for text, start, end, speaker in words]
    assert read({"words": rows}) == [(0.5, 1.3, "Hello you", "0"), (1.4, 1.9, "Hi", "1")]
    chunks = [{"timestamp": [index / 2, index / 2 + 0.5], "text": f" {text}"} for index, text in enumerate("abcd")]
    assert read({"chunks": chunks}) == [(0.0, 2.0, "a b c d", "")]


def test_a_line_that_is_shown_longer_than_it_is_spoken() -> None:
    rows = [{"text": "a &amp; b", "start": 0.16, "duration": 4.0}, {"text": "c", "start": 2.55, "duration": 3.0}]
    assert read(rows) == [(0.16, 2.55, "a & b", ""), (2.55, 5.55, "c", "")]
    assert read_json_transcript('[{"duration": 1}]', "a.json", []) == []


def test_rows_without_times_are_reported() -> None:
    problems: list[Problem] = []
    rows = '[{"start": 0, "end": 1, "text": "a"}, {"start": NaN, "end": 1}, {"start": 0, "end": Infinity}, {"end": 1}, {"start": true},'
    rows += f'{{"start": {"9" * 400}, "end": 1, "text": "b"}}, 5, null, {{"start": 2, "end": null, "text": "c"}}]'
    assert [cue.lines[0].text for cue in read_json_transcript(rows, "a.json", problems)] == ["a", "c"]
    assert [problem.where for problem in problems] == [f"a.json segment {number}" for number in range(1, 8)]
    assert {problem.what for problem in problems} == {"has no time that can be read; left out"}
    problems.clear()
    words = {"words": [{"word": "a", "start": "x", "end": 1}, {"word": "b", "start": 1, "end": 2}]}
    assert len(read_json_transcript(json.dumps(words), "a.json", problems)) == 1
    assert problems[0].where == "a.json word 0"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "a.json is no JSON .Expecting"),
        ("[" * 200_000, "is no JSON .its lists are too deep"),
        ("[" * 200_000 + "]" * 200_000, "is no JSON .its lists are too deep"),
        ('[{"start": ' + "9" * 5000 + "}]", "is no JSON .a number in it is too large"),
        ('{"text": "x"}', "has no list of segments with times: give JSON as these write it: whisper.cpp, transformers"),
    ],
)
def test_what_is_no_transcript(text: str, sentence: str) -> None:
    with pytest.raises(CorpusError, match=sentence):
        read_json_transcript(text, "a.json", [])


KEYS = st.sampled_from(
    [
        "segments",
        "words",
        "results",
        "utterances",
        "channels",
        "alternatives",
        "paragraphs",
        "items",
        "monologues",
        "elements",
        "chunks",
        "timestamp",
        "transcription",
        "offsets",
        "start",
        "end",
        "text",
        "speaker",
        "duration",
        "events",
        "segs",
        "type",
        "value",
        "ts",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-1, 5) | st.sampled_from(["a", "1.0", "1s", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)


@given(JSON)
def test_any_json_gives_cues_or_one_sentence(content: Any) -> None:
    try:
        cues = read_json_transcript(json.dumps(content), "a.json", [])
    except CorpusError as error:
        assert "a.json has no list of segments" in str(error)
    else:
        assert all(cue.lines for cue in cues)
