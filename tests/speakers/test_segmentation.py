from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc.corpora import Clip
from mmerc.speakers.pyannet import CLASSES, STEP, count_frames
from mmerc.speakers.segmentation import SIDE, Segmentation, Segmenter, find_segmenter, measure_change
from tests.media.clips import write_wav

FRAME = STEP / 16_000  # seconds


class LevelSegmenter(Segmenter):
    """Below 0.05 there is nobody; up to 0.2 one person speaks, above it another one. Each window numbers them anew."""

    windows = 0

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        found = torch.zeros(len(waveforms), count_frames(waveforms.shape[1]), len(CLASSES))
        for row, waveform in zip(found, waveforms, strict=True):
            shift = LevelSegmenter.windows % 2
            LevelSegmenter.windows += 1
            for frame in range(len(row)):
                level = float(waveform[frame * STEP + 495].abs())
                people = ((), (shift,), (shift + 1,))[(level > 0.05) + (level > 0.2)]
                row[frame, CLASSES.index(people)] = 1.0
        return found


def test_a_change_has_different_people_before_and_after_it() -> None:
    rows = np.zeros((200, 7))
    rows[:100, 1] = rows[100:, 3] = 1.0
    change = measure_change(rows)
    assert change[100] == pytest.approx(1.0) and change.argmax() == 100
    assert change[100 - SIDE - 1] == change[100 + SIDE + 1] == pytest.approx(0.0)


def test_a_pause_is_no_change_and_a_second_voice_is_a_small_one() -> None:
    rows = np.zeros((200, 7))
    rows[:80, 1] = rows[80:110, 0] = rows[110:150, 1] = rows[150:, 4] = 1.0  # person 0, nobody, person 0, both
    change = measure_change(rows)
    assert change[: 150 - SIDE].max() == pytest.approx(0.0) and change[150] == pytest.approx(1 - 0.5**0.5)


def test_a_stretch_is_cut_at_changes_that_are_not_too_close() -> None:
    change = np.zeros(600)
    change[[100, 105, 300]] = 0.8, 0.9, 0.6
    segmentation = Segmentation(change, start=2.0)
    times = segmentation.times
    assert segmentation.split(2.0, 12.0) == [(2.0, times[105]), (times[105], times[300]), (times[300], 12.0)]
    assert segmentation.split(times[105] - 0.1, 5.0) == [(times[105] - 0.1, 5.0)]
    assert segmentation.split(8.0, 9.0) == [(8.0, 9.0)]


@pytest.mark.parametrize("seconds", [3.0, 10.0, 47.0])
def test_a_recording_is_read_in_windows_that_number_people_anew(tmp_path: Path, seconds: float) -> None:
    samples = np.full(round(seconds * 16_000), 0.1)
    samples[16_000:40_000] = 0.3  # 1 to 2.5 s
    if seconds > 40:
        samples[20 * 16_000 : 30 * 16_000] = 0.3
    heard: list[float] = []
    segmentation = LevelSegmenter().segment(Clip(write_wav(tmp_path / "talk.wav", samples[None])), heard.append)
    parts = segmentation.split(0.0, seconds)
    expected = [1.0, 2.5, *([20.0, 30.0] if seconds > 40 else [])]
    assert [start for start, _ in parts[1:]] == pytest.approx(expected, abs=0.15)
    assert heard and len(segmentation.change) >= seconds / FRAME - 4


def test_without_weights_there_is_no_segmenter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path))
    monkeypatch.delenv("MMERC_WEIGHTS", raising=False)
    assert find_segmenter() is None
