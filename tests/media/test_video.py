from pathlib import Path

import numpy as np
import pytest

from mmerc.corpora import Clip
from mmerc.errors import NoVideo
from mmerc.media.video import read_frames
from tests.media.clips import write_video, write_wav


def brightness(images: np.ndarray) -> list[int]:
    return [round(float(image.mean()) / 20) for image in images]


def test_frames_are_evenly_spaced(tmp_path: Path) -> None:
    frames = read_frames(Clip(write_video(tmp_path / "a.mp4")), 4)
    assert brightness(frames.images) == [1, 4, 7, 10]
    assert frames.times == pytest.approx([1 / 12, 4 / 12, 7 / 12, 10 / 12])


def test_a_short_clip_gives_each_frame_once(tmp_path: Path) -> None:
    assert brightness(read_frames(Clip(write_video(tmp_path / "a.mp4", frames=3)), 50).images) == [0, 1, 2]
    assert len(read_frames(Clip(write_video(tmp_path / "one.mp4", frames=1)), 50).images) == 1


def test_a_part_of_a_clip(tmp_path: Path) -> None:
    frames = read_frames(Clip(write_video(tmp_path / "a.mp4", frames=12), start=0.5, end=1.0), 2)
    assert brightness(frames.images) == [7, 10]


def test_a_late_part_of_a_long_clip(tmp_path: Path) -> None:
    file = write_video(tmp_path / "long.mp4", frames=12 * 30)
    frames = read_frames(Clip(file, start=20, end=21), 3)
    assert frames.times == pytest.approx([20.167, 20.5, 20.833], abs=0.09)
    spread = read_frames(Clip(file), 5)  # six seconds apart: it seeks
    assert spread.times == pytest.approx([3, 9, 15, 21, 27], abs=0.09)


def test_big_and_odd_pictures_are_reduced(tmp_path: Path) -> None:
    assert read_frames(Clip(write_video(tmp_path / "a.mp4", size=(640, 362))), 2, max_side=320).images.shape == (
        2,
        181,
        320,
        3,
    )


def test_sound_alone(tmp_path: Path) -> None:
    with pytest.raises(NoVideo, match="has no video stream"):
        read_frames(Clip(write_wav(tmp_path / "a.wav", np.zeros((1, 16_000)))), 4)


def test_a_part_behind_the_end(tmp_path: Path) -> None:
    with pytest.raises(NoVideo, match="gives no frame"):
        read_frames(Clip(write_video(tmp_path / "a.mp4"), start=50, end=51), 4)
    with pytest.raises(NoVideo, match="gives no frame"):
        read_frames(Clip(tmp_path / "a.mp4", start=50), 4)


@pytest.mark.realdata
def test_real_clips(real_data: Path) -> None:
    frames = read_frames(Clip(real_data / "clips" / "facenet_video.mp4"), 5)
    assert frames.images.shape == (5, 720, 1280, 3)
