"""Transcription with a stub of faster-whisper, because its models cannot be downloaded in tests; and with the real one where it was fetched."""

import socket
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mmerc import weights
from mmerc.errors import WeightsError
from mmerc.inference.recording import read_recording
from mmerc.inference.transcription import Whisper, find_model
from tests.media.clips import write_video


class Model:
    def __init__(self, name: str, compute_type: str, cpu_threads: int) -> None:
        assert compute_type and cpu_threads >= 1
        if name != "small":
            raise RuntimeError("no such model\nat all")

    def encode(self, features: np.ndarray) -> None:
        raise AssertionError("the stub transcribes without it")

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
    with pytest.raises(
        WeightsError,
        match='"huge" cannot be loaded \\(no such model\\): run `mmerc weights fetch whisper-base` and choose "base"',
    ):
        Whisper("huge")


def test_a_fetched_model_is_used_in_place_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path))
    monkeypatch.delenv("MMERC_WEIGHTS", raising=False)
    monkeypatch.chdir(tmp_path)
    assert find_model("base") == "base" and find_model("small") == "small"
    (tmp_path / "whisper-base").mkdir()
    assert find_model("base") == str(tmp_path / "whisper-base")
    (tmp_path / "base").mkdir()
    assert find_model("base") == "base"  # a folder of this name, which the user gives


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(WeightsError, match="transcription needs the extra asr"):
        Whisper("small")


@pytest.mark.realdata
def test_the_fetched_model_recognises_the_words_without_a_network(
    real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("faster_whisper")
    if weights.find("whisper-base") is None:
        pytest.skip("needs `mmerc weights fetch whisper-base`")

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    transcriber = Whisper("base")
    for name, text in (("03-01-05-02-01-01-21", "Kids are talking"), ("03-01-01-01-02-02-22", "Dogs are sitting")):
        dialogue, _ = read_recording(
            real_data / "ravdess" / f"Actor_{name[-2:]}" / f"{name}.flac", transcriber=transcriber
        )
        assert [str(utterance.text).rstrip(".") for utterance in dialogue.utterances] == [f"{text} by the door"]
