import csv
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmerc.corpora import open_corpus
from mmerc.errors import ClipUnreadable
from mmerc.media.inspection import TrackInfo, check_clips, inspect_media
from tests.media.clips import write_beep_and_flash, write_vbr_mp3, write_video, write_wav
from tests.media.test_audio import write_two_tracks
from tests.media.test_video import FOUR, write_still


def test_every_broken_clip_is_listed_with_its_modality(tmp_path: Path) -> None:
    write_video(tmp_path / "good.mp4")
    write_video(tmp_path / "mute.mp4", audio=False)
    (tmp_path / "broken.mp4").write_text("no")
    with (tmp_path / "t.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerows([("dialogue", "utterance", "speaker", "text", "clip")])
        table.writerows((0, n, "A", "x", name) for n, name in enumerate(("good.mp4", "mute.mp4", "broken.mp4")))
    seen: list[int] = []
    checked = check_clips(open_corpus(f"table:{tmp_path / 't.csv'}"), seen.append)
    assert [(problem.kind, problem.where[-1]) for problem in checked.problems] == [
        ("audio", "1"),
        ("audio", "2"),
        ("video", "2"),
    ]
    assert checked.absent == ()
    assert seen == [1, 2, 3]


def test_a_corpus_without_video_says_so_once(tmp_path: Path) -> None:
    names = ["a.wav", "b.wav", "broken.wav"]
    for name in names[:2]:
        write_wav(tmp_path / name, np.full((1, 8_000), 0.1, np.float32))
    (tmp_path / "broken.wav").write_text("no")
    rows = "".join(f"0,{number},A,x,{name}\n" for number, name in enumerate(names))
    (tmp_path / "t.csv").write_text("dialogue,utterance,speaker,text,clip\n" + rows)
    checked = check_clips(open_corpus(f"table:{tmp_path / 't.csv'}"))
    assert checked.absent == ("video",)
    assert [(problem.kind, problem.where[-1]) for problem in checked.problems] == [("audio", "2"), ("video", "2")]


def test_the_tracks_of_a_film(tmp_path: Path) -> None:
    file = write_beep_and_flash(tmp_path / "a.mp4", "libx264", "aac", seconds=3.0, keep_sound=lambda time: time >= 1)
    info = inspect_media(file)
    assert (info.path, info.container, info.duration) == (file, "mov,mp4,m4a,3gp,3g2,mj2", pytest.approx(3, abs=0.03))
    video, audio = info.tracks
    assert video == TrackInfo(
        "video", 0, "h264", "und", True, True, 0.0, 3.0, width=128, height=96, frame_rate=25, rotation=0
    )
    assert (audio.codec, audio.sample_rate, audio.channels, audio.is_read) == ("aac", 48_000, 1, True)
    assert audio.start == pytest.approx(1.003, abs=0.03) and audio.width is None
    (warning,) = info.warnings
    assert warning == f"The audio track 0 begins {audio.start:.2f} s after the start of the file."


def test_pixels_as_shown(tmp_path: Path) -> None:
    (track,) = inspect_media(write_still(tmp_path / "a.mp4", FOUR, ratio=Fraction(3, 2))).tracks
    assert (track.width, track.height) == (96, 32)
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    picture = inspect_media(tmp_path / "a.png")
    assert (picture.container, picture.duration) == ("picture", 0) and picture.tracks[0].width == 40


def test_warnings(tmp_path: Path) -> None:
    two = inspect_media(write_two_tracks(tmp_path / "two.mka", default=1))
    assert [track.is_read for track in two.tracks] == [False, True]
    assert two.warnings == ("One audio track is read; choose among the others (0) with --audio-track.",)
    live = write_beep_and_flash(tmp_path / "live.webm", None, "libopus", seconds=1.0, options={"live": "1"})
    assert inspect_media(live).warnings == ("The header gives no duration; it was measured.",)
    joined = tmp_path / "joined.webm"
    joined.write_bytes(2 * live.read_bytes())
    assert any(warning.startswith("2 recordings are joined") for warning in inspect_media(joined).warnings)
    (tmp_path / "text.mp4").write_text("not a film")
    with pytest.raises(ClipUnreadable):
        inspect_media(tmp_path / "text.mp4")


def test_a_header_that_promises_too_much(tmp_path: Path) -> None:
    """The bit rate of the silence at the start is taken for that of the whole file."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 48_000 * 4)
    noise[: 48_000 * 2] = 0
    info = inspect_media(write_vbr_mp3(tmp_path / "a.mp3", noise))
    assert info.duration == pytest.approx(4, abs=0.1)
    assert info.warnings[0].startswith("The header gives") and info.warnings[0].endswith("the packets end at 4.0 s.")
