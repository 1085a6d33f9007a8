from itertools import product
from pathlib import Path

import numpy as np
import pytest

from mmerc.media.container import open_media
from mmerc.media.decoding import decode_frames, is_media
from mmerc.media.timeline import read_timeline
from tests.media.clips import write_video, write_wav


def test_the_first_frame_does_not_begin_after_the_start(tmp_path: Path) -> None:
    file = write_video(tmp_path / "a.mkv", frames=12 * 30)
    with open_media(file) as media:
        tracks = (*media.find_video_tracks(), *media.find_audio_tracks())
        for track, start in product(tracks, (0.0, 3.0, 15.0, 29.0, 1000.0)):
            times = [time for time, _ in decode_frames(media, track, read_timeline(media), start)]
            assert times[0] <= max(start, 0.1) and times == sorted(times) and times[-1] > 29.8


def test_damaged_packets_are_left_out(tmp_path: Path) -> None:
    content = bytearray(write_video(tmp_path / "a.mkv", frames=24).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)
    (tmp_path / "damaged.mkv").write_bytes(content)
    with open_media(tmp_path / "damaged.mkv") as media:
        (track,) = media.find_video_tracks()
        times = [time for time, _ in decode_frames(media, track, read_timeline(media))]
    assert 5 < len(times) <= 24 and times[0] == pytest.approx(0, abs=0.01)


def test_media_are_known_by_their_content(tmp_path: Path) -> None:
    write_wav(tmp_path / "sound.wav", 0.5 * np.ones((1, 800))).rename(tmp_path / "sound.dat")
    write_video(tmp_path / "film.mp4").rename(tmp_path / "film")
    (tmp_path / "notes.txt").write_text("1\n00:00:01,000 --> 00:00:02,000\nHello\n")
    (tmp_path / "random.bin").write_bytes(np.random.default_rng(0).bytes(100_000))
    (tmp_path / "empty").touch()
    np.save(tmp_path / "array.npy", np.arange(9999))
    media = sorted(file.name for file in tmp_path.iterdir() if is_media(file))
    assert media == ["film", "sound.dat"]
    assert not is_media(tmp_path) and not is_media(tmp_path / "absent")
