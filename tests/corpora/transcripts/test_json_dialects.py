"""Each dialect in its smallest form; `test_json_transcript` reads them whole."""

from typing import Any

import pytest

from mmerc.corpora.transcripts.json_dialects import DIALECTS, dig

ROWS: list[tuple[str, Any, list[tuple[Any, ...]]]] = [
    ("whisper.cpp", {"transcription": [{"offsets": {"from": 0, "to": 9}, "text": "a"}]}, [(0, 9, "a", None)]),
    ("transformers", {"chunks": [{"timestamp": [0, None], "text": "a"}]}, [(0, None, "a", None)]),
    ("transformers", [{"timestamp": [0, 1], "text": "a", "speaker": "S"}], [(0, 1, "a", "S")]),
    (
        "Rev",
        {
            "speakers": [{"id": 1, "name": "Ann"}],
            "monologues": [
                {
                    "speaker": 1,
                    "elements": [
                        {"type": "text", "value": "Well", "ts": 0.5, "end_ts": 0.8},
                        {"type": "punct", "value": "-"},
                        {"type": "text", "value": "known", "ts": 0.8, "end_ts": 1},
                        {"type": "punct", "value": ", "},
                        {"type": "text", "value": "yes", "ts": 1.1, "end_ts": 1.2},
                    ],
                },
                {"speaker": 0, "elements": [{"type": "text", "value": "Hi", "ts": 2, "end_ts": 3}]},
            ],
        },
        [(0.5, 1, "Well-known,", "Ann"), (1.1, 1.2, "yes", "Ann"), (2, 3, "Hi", 0)],
    ),
    (
        "AWS Transcribe",
        {"results": {"items": [{}], "audio_segments": [{"transcript": "a", "start_time": "0", "end_time": "1", "speaker_label": "s"}]}},
        [("0", "1", "a", "s")],
    ),
    (
        "AWS Transcribe",
        {
            "results": {
                "speaker_labels": {"segments": [{"start_time": "0", "speaker_label": "s", "items": [{"start_time": "0"}]}]},
                "items": [{"start_time": "0", "end_time": "1", "alternatives": [{"content": "a"}]}, {"alternatives": [{"content": "."}]}],
            }
        },
        [("0", "1", "a", "s"), (None, None, ".", None)],
    ),
    ("Deepgram", {"results": {"utterances": [{"start": 0, "end": 1, "transcript": "a", "speaker": 0}]}}, [(0, 1, "a", 0)]),
    (
        "Deepgram",
        {"results": {"channels": [{"alternatives": [{"words": [{"word": "a", "punctuated_word": "A.", "start": 0, "end": 1, "speaker": 0}]}]}]}},
        [(0, 1, "A.", 0)],
    ),
    (
        "Deepgram",  # a channel for each speaker
        {"results": {"channels": [{"alternatives": [{"words": [{"word": w, "start": 0, "end": 1}]}]} for w in "ab"]}},
        [(0, 1, "a", 0), (0, 1, "b", 1)],
    ),
    (
        "Deepgram",
        {
            "results": {
                "channels": [
                    {"alternatives": [{"paragraphs": {"paragraphs": [{"speaker": 0, "sentences": [{"text": "a", "start": 0, "end": 1}]}]}}]}
                ]
            }
        },
        [(0, 1, "a", 0)],
    ),
    (
        "Google",
        {"results": [{"alternatives": [{"transcript": "a", "words": [{"endTime": "1s", "word": "a"}]}]}]},
        [(0, "1s", "a", None)],
    ),
    (
        "Google",  # the last result repeats the words of all, with speakers
        {
            "results": [
                {"alternatives": [{"words": [{"startTime": "0s", "endTime": "1s", "word": "a"}]}]},
                {"alternatives": [{"words": [{"startTime": "0s", "endTime": "1s", "word": "a", "speakerTag": 2}]}]},
            ]
        },
        [("0s", "1s", "a", 2)],
    ),
    (
        "Google",
        {"results": [{"alternatives": [{"transcript": t}], "resultEndTime": e} for t, e in (("a", "1s"), ("b", "2s"))]},
        [(0, "1s", "a", None), ("1s", "2s", "b", None)],
    ),
    ("AssemblyAI", {"utterances": [{"speaker": "A", "start": 1, "end": 2, "text": "a"}], "words": []}, [(1, 2, "a", "A")]),
    ("AssemblyAI", {"utterances": None, "words": [{"text": "a", "start": 1, "end": 2, "speaker": "A"}]}, [(1, 2, "a", "A")]),
    ("ElevenLabs", {"words": [{"text": "a", "start": 1, "end": 2, "type": "word", "speaker_id": "s"}]}, [(1, 2, "a", "s")]),
    ("Whisper", {"text": "a", "segments": [{"id": 0, "start": 1, "end": 2, "text": "a", "speaker": "A"}]}, [(1, 2, "a", "A")]),
    (
        "Whisper",  # WhisperX
        {"segments": [{"start": 1, "end": 2, "text": "a", "words": [{"word": "a", "speaker": "S"}]}]},
        [(1, 2, "a", "S")],
    ),
    ("OpenAI", {"words": [{"word": "a", "start": 1, "end": 2}]}, [(1, 2, "a", None)]),
    (
        "YouTube",
        {"events": [{"tStartMs": 1, "dDurationMs": 2, "segs": [{"utf8": "a"}, {"utf8": " b"}]}, {"tStartMs": 2, "segs": [{"utf8": "\n"}]}]},
        [(1, None, "a b", None)],
    ),
    ("youtube-transcript-api", [{"text": "a", "start": 1, "duration": 2}], [(1, None, "a", None)]),
    ("rows", {"data": {"captions": [{"from": 1, "to": 2, "content": "a", "name": "Ann"}]}}, [(1, 2, "a", "Ann")]),
    ("rows", [[{"begin": 1, "stop": 2, "sentence": "a"}]], [(1, 2, "a", None)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "rows"), ROWS, ids=[f"{index}-{row[0]}" for index, row in enumerate(ROWS)])
def test_dialects(name: str, content: Any, rows: list[tuple[Any, ...]]) -> None:
    dialect = next(each for each in DIALECTS if each.find(content) is not None)
    assert dialect.name == name
    assert [row[:4] for row in dialect.read(dialect.find(content))] == rows


def test_content_of_no_dialect() -> None:
    for content in (
        None,
        1,
        "a",
        [],
        {},
        {"text": "x"},
        {"segments": []},
        {"results": [1]},
        [[[[[{"start": 1, "text": "a"}]]]]],
    ):
        assert all(dialect.find(content) is None for dialect in DIALECTS)


def test_paths() -> None:
    assert dig({"a": [{"b": 1}]}, "a", 0, "b") == 1
    assert dig({"a": 1}, "a", "b") is dig([1], 5) is dig("abc", 0) is None
