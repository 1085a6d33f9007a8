"""The waveform of the page."""

import base64
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from mmerc.errors import NoAudio
from mmerc.inference.export import peaks
from mmerc.inference.export.peaks import compute_peaks


def write_tone(file: Path, samples: np.ndarray) -> Path:
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return file


def test_each_piece_has_its_lowest_and_highest_sample(tmp_path: Path) -> None:
    samples = np.zeros(16_000, np.float32)
    samples[330], samples[700], samples[15_999] = 0.5, -0.252, 0.252
    rate, pairs = compute_peaks(write_tone(tmp_path / "a.wav", samples))
    assert (rate, pairs.shape) == (50.0, (50, 2))
    assert [tuple(pair) for pair in pairs[[0, 1, 2, 49]].tolist()] == [(0, 0), (0, 127), (-64, 0), (0, 64)]


def test_a_long_recording_gets_longer_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peaks, "MAX_PIECES", 20)
    samples = np.zeros(16_100, np.float32)
    samples[16_050] = 0.5
    found = compute_peaks(write_tone(tmp_path / "a.wav", samples))
    assert (found.rate, found.pairs.shape) == (50 / 3, (17, 2)) and found.pairs[-1].tolist() == [0, 127]
    assert len(base64.b64decode(str(found.to_dict()["data"]))) == 34


def test_a_silent_video_has_none(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        picture = container.add_stream("libx264", rate=5)
        picture.width = picture.height = 32
        picture.pix_fmt = "yuv420p"
        container.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        container.mux(picture.encode(None))
    with pytest.raises(NoAudio, match="has no audio stream"):
        compute_peaks(tmp_path / "a.mp4")
