"""Transcription with a stub of faster-whisper, because its models cannot be downloaded in tests."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mmerc.errors import WeightsError
from mmerc.inference.recording import read_recording
from mmerc.inference.transcription import Whisper
from tests.media.clips import write_video


class Model:
    def __init__(self, name: str, compute_type: str) -> None:
        if name != "small":
            raise RuntimeError("no such model\nat all")

    def transcribe(self, samples: np.ndarray, **options: Any) -> tuple[Any, None]:
        assert samples.dtype == np.float32 and samples.ndim == 1
        return (SimpleNamespace(text=text) for text in (" You came", " back! ")), None


@pytest.fixture
def stub_whisper(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("faster_whisper")
    module.WhisperModel = Model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faster_whisper", module)


@pytest.mark.usefixtures("stub_whisper")
def test_a_recording_without_a_transcript_is_transcribed(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4")
    dialogue, _ = read_recording(clip, transcriber=Whisper("small"))
    assert [utterance.text for utterance in dialogue.utterances] == ["You came back!"]


@pytest.mark.usefixtures("stub_whisper")
def test_a_model_that_cannot_be_loaded() -> None:
    with pytest.raises(WeightsError, match='"huge" cannot be loaded \\(no such model\\)'):
        Whisper("huge")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(WeightsError, match="transcription needs the extra asr"):
        Whisper("small")
