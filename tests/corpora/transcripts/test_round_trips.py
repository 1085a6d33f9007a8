"""Random conversations, written in every dialect, are read back as they were."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmerc.corpora.transcripts import Segment, read_transcript
from tests.corpora.transcripts.writers import WRITERS

NAMES = st.sampled_from(["Ann", "Bob Jones", "Jörg von Öhr", "Dr. Green", "ROSS", "Smith-Lee", "Speaker 0", "小明"])
WORD = st.sampled_from(
    [
        "hello",
        "well-known",
        "it's",
        "I'm",
        "42",
        "Größe",
        "привет",
        "so,",
        "10:30",
        "R&D",
        "<3",
        "yes",
        "no",
        "then,",
        "why",
    ]
)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])


@st.composite
def conversations(draw: st.DrawFn) -> list[Segment]:
    """Utterances with pauses of 1 s and more, in steps of 10 ms, at 2 to 20 characters a second; each speaker speaks twice."""
    segments = []
    at = draw(st.integers(0, 10_000))
    speakers = draw(st.lists(NAMES, min_size=2, max_size=4, unique=True))
    for speaker in [*speakers, *speakers]:
        text = " ".join(draw(st.lists(WORD, min_size=2, max_size=8))) + draw(st.sampled_from([".", "!", "?", ""]))
        length = 10 * len(text) + draw(st.integers(0, 200))
        segments.append(Segment(at / 100, (at + length) / 100, text, speaker))
        at += length + draw(st.integers(100, 1000))
    return segments


@pytest.mark.parametrize("dialect", WRITERS)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(segments=conversations(), encoding=ENCODINGS)
def test_what_was_written_is_read(tmp_path: Path, dialect: str, segments: list[Segment], encoding: str) -> None:
    suffix, write = WRITERS[dialect]
    file = tmp_path / f"talk{suffix}"
    file.write_bytes(write(segments).encode(encoding))
    found, problems = read_transcript(file)
    assert problems == []
    assert [(each.speaker, each.text) for each in found] == [(each.speaker, each.text) for each in segments]
    times = [time for each in segments for time in (each.start, each.end)]
    assert [time for each in found for time in (each.start, each.end)] == pytest.approx(times, abs=2e-3)
