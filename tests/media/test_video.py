import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from mmerc.corpora import Clip
from mmerc.errors import NoAudio, NoVideo
from mmerc.media.audio import read_waveform
from mmerc.media.video import read_frames, read_frames_at
from tests.media.clips import write_beep_and_flash, write_video, write_wav


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


def test_a_part_is_cut_at_the_end_of_the_file(tmp_path: Path) -> None:
    frames = read_frames(Clip(write_video(tmp_path / "a.mp4"), start=0.5, end=1e6), 2)
    assert brightness(frames.images) in ([7, 10], [7, 11])  # the last packet of the sound is longer


def test_a_part_behind_the_end(tmp_path: Path) -> None:
    with pytest.raises(NoVideo, match="gives no frame"):
        read_frames(Clip(write_video(tmp_path / "a.mp4"), start=50, end=51), 4)
    with pytest.raises(NoVideo, match="gives no frame"):
        read_frames(Clip(tmp_path / "a.mp4", start=50), 4)


@pytest.mark.realdata
def test_real_clips(real_data: Path) -> None:
    frames = read_frames(Clip(real_data / "clips" / "facenet_video.mp4"), 5)
    assert frames.images.shape == (5, 720, 1280, 3)


def quarters(image: np.ndarray) -> list[list[int]]:
    """Mean brightness of the four quarters, in steps of 60."""
    halves = [np.array_split(half, 2, axis=1) for half in np.array_split(image.mean(-1), 2, axis=0)]
    return [[round(float(quarter.mean()) / 60) for quarter in half] for half in halves]


def write_still(
    file: Path,
    image: np.ndarray,
    *,
    ratio: Fraction = Fraction(1),
    colors: tuple[int, int] = (5, 1),
    has_names: bool = True,
) -> Path:
    """Five frames of one image.

    `colors`: ffmpeg's numbers of the matrix and the range with which it is stored; with `has_names` the file says so.
    """
    with av.open(str(file), "w") as container:
        track = container.add_stream("libx264", rate=10, options={"qp": "0"})
        track.height, track.width = image.shape[:2]
        track.pix_fmt, track.codec_context.sample_aspect_ratio = "yuv420p", ratio
        if has_names:
            track.codec_context.colorspace, track.codec_context.color_range = colors
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            stored = frame.reformat(format="yuv420p", dst_colorspace=colors[0], dst_color_range=colors[1])
            container.mux(track.encode(stored))
        container.mux(track.encode(None))
    return file


FOUR = np.kron(np.uint8([[[240], [0]], [[120], [60]]]), np.ones((16, 32, 3), np.uint8))  # [32, 64, 3], steps 4 0 2 1


@pytest.mark.parametrize(
    ("ratio", "size"), [(Fraction(16, 11), (32, 93)), (Fraction(8, 9), (36, 64)), (Fraction(1), (32, 64))]
)
def test_pixels_that_are_not_square_are_made_square(tmp_path: Path, ratio: Fraction, size: tuple[int, int]) -> None:
    frames = read_frames(Clip(write_still(tmp_path / "a.mp4", FOUR, ratio=ratio)), 1)
    assert frames.images[0].shape == (*size, 3) and quarters(frames.images[0]) == [[4, 0], [2, 1]]


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((1, 0, 0, 1), [[4, 0], [2, 1]]),
        ((0, 1, -1, 0), [[2, 4], [1, 0]]),  # a quarter turn clockwise
        ((-1, 0, 0, -1), [[1, 2], [0, 4]]),
        ((0, -1, 1, 0), [[0, 1], [4, 2]]),
        ((-1, 0, 0, 1), [[0, 4], [1, 2]]),  # mirrored, as some front cameras store it
        ((1, 0, 0, -1), [[2, 1], [4, 0]]),
        ((0, 1, 1, 0), [[4, 2], [0, 1]]),
    ],
)
def test_the_display_matrix_turns_and_mirrors(tmp_path: Path, matrix: tuple[int, ...], shown: list[list[int]]) -> None:
    content = write_still(tmp_path / "a.mp4", FOUR).read_bytes()
    start = content.index(b"tkhd") + 44  # ISO 14496-12: the matrix of the track header, 16.16 and 2.30 fixed point
    a, b, c, d = (65_536 * value for value in matrix)
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(content[:start] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + content[start + 36 :])
    assert quarters(read_frames(Clip(turned), 1).images[0]) == shown


@pytest.mark.parametrize("size", [(48, 64), (720, 1280)])
@pytest.mark.parametrize("colors", [(1, 1), (1, 2), (5, 1), (5, 2), (9, 1)])  # BT.709, BT.601, BT.2020; limited, full
def test_colours_are_those_of_the_named_matrix_and_range(
    tmp_path: Path, size: tuple[int, int], colors: tuple[int, int]
) -> None:
    image = np.full((*size, 3), (250, 120, 60), np.uint8)
    shown = read_frames(Clip(write_still(tmp_path / "a.mp4", image, colors=colors)), 1).images[0]
    assert np.abs(shown.mean((0, 1)) - (250, 120, 60)).max() < 5


@pytest.mark.parametrize(("size", "matrix"), [((48, 64), 5), ((720, 1280), 1)])
def test_a_matrix_without_a_name_is_that_of_the_size(tmp_path: Path, size: tuple[int, int], matrix: int) -> None:
    """High definition is stored in BT.709; players know it, and swscale does not."""
    image = np.full((*size, 3), (250, 120, 60), np.uint8)
    file = write_still(tmp_path / "a.mp4", image, colors=(matrix, 1), has_names=False)
    assert np.abs(read_frames(Clip(file), 1).images[0].mean((0, 1)) - (250, 120, 60)).max() < 5


def test_the_frame_on_show_may_have_begun_long_before(tmp_path: Path) -> None:
    """Slides: one picture at 0 s, one at 10 s, the sound goes on to 20 s."""
    file = write_beep_and_flash(
        tmp_path / "a.mkv", "libx264", "libopus", seconds=20.0, frame_rate=5, flash=(10, 20),
        keep_picture=lambda time: time in (0.0, 10.0),
    )  # fmt: skip
    for start, bright in ((1.0, False), (8.0, False), (11.0, True), (18.0, True)):
        frames = read_frames(Clip(file, start=start, end=start + 1.5), 4)
        assert frames.times.tolist() == [start] and (frames.images.mean() > 120) == bright


def test_before_the_first_frame_nothing_is_shown(tmp_path: Path) -> None:
    file = write_beep_and_flash(
        tmp_path / "a.ts", "libx264", "aac", seconds=8.0, frame_rate=5, keep_picture=lambda time: time >= 6
    )
    with pytest.raises(NoVideo, match="gives no frame between"):
        read_frames(Clip(file, start=1.0, end=4.0), 4)
    assert read_frames(Clip(file), 50).times[0] == pytest.approx(6, abs=0.05)


def test_a_seek_that_lands_behind_the_key_frame_is_tried_again(tmp_path: Path) -> None:
    """A transport stream has no index: the search knows no key frames, here one in ten seconds."""
    file = write_beep_and_flash(
        tmp_path / "a.ts", "libx264", "aac", seconds=20.0, frame_rate=5, flash=(10, 20), interval=50
    )
    for start, bright in ((5.5, False), (9.0, False), (10.6, True), (17.0, True)):
        frames = read_frames(Clip(file, start=start, end=start + 0.9), 2)
        assert (frames.images.mean() > 120) == bright and start - 0.001 <= frames.times[0] < start + 0.3


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
def test_a_picture_is_a_clip_of_one_frame(tmp_path: Path, form: str) -> None:
    file = tmp_path / f"face.{form.lower()}"
    Image.fromarray(np.full((30, 40, 3), 200, np.uint8)).save(file, form)
    frames = read_frames(Clip(file), 5, max_side=20)
    assert frames.images.shape == (1, 15, 20, 3) and frames.times.tolist() == [0]
    assert abs(float(frames.images.mean()) - 200) < 3
    with pytest.raises(NoAudio, match="no audio stream"):
        read_waveform(Clip(file))


def test_an_animated_gif(tmp_path: Path) -> None:
    images = [Image.new("RGB", (40, 30), (level,) * 3) for level in (0, 80, 160, 240)]
    images[0].save(tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=250)
    frames = read_frames(Clip(tmp_path / "a.gif"), 9)
    assert frames.times == pytest.approx([0, 0.25, 0.5, 0.75])
    assert frames.images.mean((1, 2, 3)) == pytest.approx([0, 80, 160, 240], abs=2)


def test_the_second_video_track_is_read_if_it_is_the_default(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        tracks = [container.add_stream("mpeg4", rate=10) for _ in range(2)]
        for track in tracks:
            track.width, track.height, track.pix_fmt = 64, 48, "yuv420p"
        tracks[1].disposition = av.stream.Disposition.default
        for track, level in zip(tracks * 5, (20, 220) * 5, strict=True):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), level, np.uint8), format="rgb24")
            container.mux(track.encode(frame))
        for track in tracks:
            container.mux(track.encode(None))
    assert read_frames(Clip(tmp_path / "a.mkv"), 2).images.mean() == pytest.approx(220, abs=4)


def test_frames_at_given_times(tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.mp4")
    wanted = read_frames(Clip(film), 5)
    again = read_frames_at(Clip(film), wanted.times[1:4].tolist())
    assert again.times.tolist() == wanted.times[1:4].tolist()
    assert (again.images == wanted.images[1:4]).all()
    with pytest.raises(NoVideo, match="gives no frame between 90.00 and 91.00 s"):
        read_frames_at(Clip(film), [90.0, 91.0])
