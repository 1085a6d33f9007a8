from pathlib import Path

import numpy as np
import pytest

from mmerc.errors import ClipNotFound
from mmerc.inference.inspection import RecordingReport, TranscriptReport, UnreadableReport, inspect_file
from tests.media.clips import write_wav


def test_a_recording_has_its_tracks_and_its_measured_duration(tmp_path: Path) -> None:
    write_wav(tmp_path / "talk.wav", np.full((1, 32_000), 0.1))
    report = inspect_file(tmp_path / "talk.wav")
    assert isinstance(report, RecordingReport) and report.kind == "recording"
    assert report.duration == pytest.approx(2.0, abs=0.01)
    assert [(track.kind, track.is_read) for track in report.tracks] == [("audio", True)]


def test_a_transcript_has_its_format_speakers_and_first_utterances(tmp_path: Path) -> None:
    lines = ["1\n00:00:01,000 --> 00:00:02,000\nANN: Привет", "2\n00:00:03,000 --> 00:00:04,500\nBOB: Hi!"]
    (tmp_path / "talk.srt").write_bytes("\n\n".join([*lines, lines[0].replace("1\n00:00:01", "3\n00:00:01")]).encode())
    report = inspect_file(tmp_path / "talk.srt")
    assert isinstance(report, TranscriptReport)
    assert (report.format, report.encoding, report.utterances, report.start, report.end) == (
        "SubRip",
        "utf-8",
        3,
        1.0,
        4.5,
    )
    assert report.speakers == {"ANN": 2, "BOB": 1}
    assert report.first[0] == {"start": 1.0, "end": 2.0, "text": "Привет", "speaker": "ANN"}


def test_a_guessed_encoding_is_a_warning(tmp_path: Path) -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nПривет, как дела сегодня вечером?\n"
    (tmp_path / "talk.srt").write_bytes(text.encode("cp1251"))
    report = inspect_file(tmp_path / "talk.srt")
    assert isinstance(report, TranscriptReport) and report.encoding == "cp1251 (guessed)"
    assert "is not valid UTF-8" in report.warnings[0]


def test_another_file_is_unreadable_for_a_reason_and_an_absent_one_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("just words")
    report = inspect_file(tmp_path / "notes.txt")
    assert isinstance(report, UnreadableReport) and "as a transcript:" in report.reason
    with pytest.raises(ClipNotFound, match="there is no file"):
        inspect_file(tmp_path / "none.mp4")
