"""The clock test: for every pair of container and codecs, sound and picture tell the time for which they were made."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmerc.corpora import Clip
from mmerc.media import read_frames, read_waveform
from mmerc.media.timeline import measure_duration
from tests.media.clips import write_beep_and_flash

BEEP, FLASH = 2.0, 3.0  # seconds at which they begin
FRAME = 0.04  # seconds
# Transport and program streams and FLV start with the sound that an encoder adds before the first sample, at most 25 ms.
TOLERANCE = FRAME + 1e-3

PAIRS = {
    "mp4 h264 aac": ("mp4", "libx264", "aac", 48_000),
    "mp4 mpeg4 mp3": ("mp4", "mpeg4", "libmp3lame", 48_000),
    "mov h264 pcm": ("mov", "libx264", "pcm_s16le", 16_000),
    "mkv h264 opus": ("mkv", "libx264", "libopus", 48_000),
    "mkv vp9 vorbis": ("mkv", "libvpx-vp9", "vorbis", 16_000),
    "webm vp8 opus": ("webm", "libvpx", "libopus", 48_000),
    "webm vp9 opus": ("webm", "libvpx-vp9", "libopus", 48_000),
    "ts h264 aac": ("ts", "libx264", "aac", 48_000),
    "ts mpeg2 mp2": ("ts", "mpeg2video", "mp2", 48_000),
    "m2ts h264 ac3": ("m2ts", "libx264", "ac3", 48_000),
    "mpg mpeg2 mp2": ("mpg", "mpeg2video", "mp2", 48_000),
    "avi mpeg4 mp3": ("avi", "mpeg4", "libmp3lame", 48_000),
    "flv flv1 mp3": ("flv", "flv", "libmp3lame", 44_100),
    "flv h264 aac": ("flv", "libx264", "aac", 44_100),
    "3gp h263 amr": ("3gp", "h263", "libopencore_amrnb", 8000),
    "asf wmv2 wma": ("asf", "wmv2", "wmav2", 44_100),
    "nut mpeg4 pcm": ("nut", "mpeg4", "pcm_s16le", 16_000),
}
SOUND = {
    "wav": ("wav", "pcm_s16le", 16_000),
    "w64": ("w64", "pcm_s16le", 16_000),
    "flac": ("flac", "flac", 16_000),
    "mp3": ("mp3", "libmp3lame", 48_000),
    "opus": ("ogg", "libopus", 48_000),
    "m4a": ("m4a", "aac", 48_000),
    "aac": ("aac", "aac", 48_000),
    "aiff": ("aiff", "pcm_s16be", 16_000),
    "amr": ("amr", "libopencore_amrnb", 8000),
}
# Which packets stay, and by how many seconds that moves the start of the file.
SCENARIOS: dict[str, tuple[dict[str, Callable[[float], bool]], float]] = {
    "complete": ({}, 0.0),
    "late sound": ({"keep_sound": lambda time: time >= 1.5}, 0.0),
    "late picture": ({"keep_picture": lambda time: time >= 1.5}, 0.0),
    "gap": ({name: lambda time: not 0.6 <= time < 1.72 for name in ("keep_sound", "keep_picture")}, 0.0),
    "variable frame rate": ({"keep_picture": lambda time: round(time / FRAME) % 9 in (0, 2, 3)}, 0.0),
    "cut front": ({name: lambda time: time >= 1.2 for name in ("keep_sound", "keep_picture")}, 1.2),
}
LEAD = {"asf wmv2 wma": 0.046}  # seconds of sound before the first sample, longer than in the others
# What these formats cannot say: their sound, or their pictures, follow one another without time stamps.
INEXPRESSIBLE = {
    ("mov h264 pcm", "gap"),
    ("avi mpeg4 mp3", "late sound"),
    ("avi mpeg4 mp3", "gap"),
    ("avi mpeg4 mp3", "cut front"),
    ("mpg mpeg2 mp2", "variable frame rate"),
}


def find_beeps(waveform: np.ndarray, start: float = 0.0) -> list[float]:
    loudness = np.sqrt(np.convolve(np.square(waveform, dtype=np.float64), np.ones(80) / 80, "same"))
    return [start + index / 16_000 for index in np.flatnonzero(np.diff((loudness > 0.1).astype(int)) > 0)]


def find_flashes(file: Path, count: int, **part: float) -> list[float]:
    frames = read_frames(Clip(file, **part), count)
    bright = frames.images.mean((1, 2, 3)) > 120
    return [float(frames.times[index + 1]) for index in np.flatnonzero(np.diff(bright.astype(int)) > 0)]


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("pair", PAIRS)
def test_sound_and_picture(tmp_path: Path, pair: str, scenario: str) -> None:
    if (pair, scenario) in INEXPRESSIBLE:
        pytest.skip("the format cannot express it")
    suffix, video, audio, rate = PAIRS[pair]
    kept, cut = SCENARIOS[scenario]
    lead = LEAD.get(pair, 0.0) if scenario not in ("late sound", "cut front") else 0.0
    file = write_beep_and_flash(
        tmp_path / f"a.{suffix}",
        video,
        audio,
        seconds=4.0,
        sample_rate=rate,
        **kept,  # type: ignore[arg-type]
    )
    near = pytest.approx(BEEP - cut + lead, abs=TOLERANCE)
    assert find_beeps(read_waveform(Clip(file))) == [near]
    part = Clip(file, start=1.8 - cut, end=2.7 - cut)
    assert find_beeps(read_waveform(part), part.start) == [near]
    flash = pytest.approx(FLASH - cut + lead, abs=TOLERANCE)
    assert find_flashes(file, 100) == [flash]
    assert find_flashes(file, 10, start=2.9 - cut, end=3.3 - cut) == [flash]


@pytest.mark.parametrize("form", SOUND)
def test_sound_alone(tmp_path: Path, form: str) -> None:
    suffix, audio, rate = SOUND[form]
    file = write_beep_and_flash(tmp_path / f"a.{suffix}", None, audio, seconds=4.0, sample_rate=rate)
    assert find_beeps(read_waveform(Clip(file))) == [pytest.approx(BEEP, abs=0.025)]
    assert find_beeps(read_waveform(Clip(file, start=1.8, end=2.7)), 1.8) == [pytest.approx(BEEP, abs=0.025)]
    assert measure_duration(file) == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize(
    ("suffix", "video", "audio", "begin", "options"),
    [
        ("ts", "libx264", "aac", 0, {}),
        ("ts", "libx264", "aac", 5000, {}),  # the second one was recorded much later
        ("ts", None, "mp2", 0, {}),
        ("mpg", "mpeg2video", "mp2", 0, {}),
        ("webm", "libvpx-vp9", "libopus", 0, {"live": "1"}),
        ("ogg", None, "libopus", 0, {}),
        ("ogg", None, "flac", 0, {}),
    ],
)
def test_joined_recordings_follow_one_another(
    tmp_path: Path, suffix: str, video: str | None, audio: str, begin: int, options: dict[str, str]
) -> None:
    settings: dict[str, Any] = {"seconds": 3.0, "sample_rate": 48_000, "beep": (1.0, 1.5), "flash": (2.0, 2.4)}
    first = write_beep_and_flash(tmp_path / f"a.{suffix}", video, audio, options=options, **settings)
    later = options | ({"output_ts_offset": str(begin)} if begin else {})
    second = write_beep_and_flash(tmp_path / f"b.{suffix}", video, audio, options=later, **settings)
    joined = tmp_path / f"joined.{suffix}"
    joined.write_bytes(first.read_bytes() + second.read_bytes() + first.read_bytes())
    length = measure_duration(first)
    assert measure_duration(joined) == pytest.approx(3 * length, abs=0.05)
    beeps = [time + part * length for part in range(3) for time in find_beeps(read_waveform(Clip(first)))]
    assert find_beeps(read_waveform(Clip(joined))) == pytest.approx(beeps, abs=0.02)
    part = Clip(joined, start=2 * length + 0.5, end=2 * length + 2)
    assert find_beeps(read_waveform(part), part.start) == pytest.approx(beeps[2:], abs=0.02)
    if video is not None:
        flashes = [time + part * length for part in range(3) for time in find_flashes(first, 75)]
        assert find_flashes(joined, 230) == pytest.approx(flashes, abs=TOLERANCE)
        assert find_flashes(joined, 40, start=2 * length + 1, end=3 * length) == pytest.approx(
            flashes[2:], abs=TOLERANCE
        )


def test_a_transport_stream_that_was_cut_between_two_packets(tmp_path: Path) -> None:
    """Its first pictures cannot be decoded, and its clock starts with its first packet."""
    complete = write_beep_and_flash(tmp_path / "a.ts", "libx264", "aac", seconds=4.0)
    content = complete.read_bytes()
    cut = tmp_path / "cut.ts"
    cut.write_bytes(content[len(content) * 3 // 10 // 188 * 188 :])
    missing = measure_duration(complete) - measure_duration(cut)
    assert 0.5 < missing < 1.9
    (beep,), (flash,) = find_beeps(read_waveform(Clip(complete))), find_flashes(complete, 100)
    assert find_beeps(read_waveform(Clip(cut))) == [pytest.approx(beep - missing, abs=0.02)]
    assert find_flashes(cut, 100) == [pytest.approx(flash - missing, abs=TOLERANCE)]


@pytest.mark.parametrize(
    ("suffix", "video", "audio", "rate", "options"),
    [
        ("mp4", "libx264", "aac", 48_000, {"movflags": "frag_keyframe+empty_moov"}),
        ("webm", "libvpx-vp9", "libopus", 48_000, {"live": "1"}),
        ("ts", "mpeg2video", "mp2", 48_000, {}),
        ("flv", "libx264", "aac", 44_100, {"flvflags": "no_duration_filesize+no_metadata"}),
        ("mp3", None, "libmp3lame", 48_000, {"write_xing": "0"}),
    ],
)
def test_a_late_part_of_a_file_without_an_index(
    tmp_path: Path, suffix: str, video: str | None, audio: str, rate: int, options: dict[str, str]
) -> None:
    file = write_beep_and_flash(
        tmp_path / f"a.{suffix}", video, audio, seconds=24.0, sample_rate=rate, frame_rate=25 if suffix == "ts" else 10,
        beep=(21, 21.5), flash=(22, 22.5), options=options,
    )  # fmt: skip
    assert find_beeps(read_waveform(Clip(file, start=20, end=23)), 20) == [pytest.approx(21, abs=0.03)]
    if video is not None:
        assert find_flashes(file, 60, start=21, end=23) == [pytest.approx(22, abs=0.1)]


def test_short_vorbis_recordings_that_were_joined(tmp_path: Path) -> None:
    """ffmpeg gives the last packet of each a length of 2^32 samples, and each about 20 ms more than it has."""
    first = write_beep_and_flash(tmp_path / "a.ogg", None, "vorbis", seconds=0.8, beep=(0.3, 0.6))
    second = write_beep_and_flash(tmp_path / "b.ogg", None, "vorbis", seconds=0.8, beep=(0.3, 0.6))
    joined = tmp_path / "joined.ogg"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    assert measure_duration(joined) == pytest.approx(1.6, abs=0.05)
    assert find_beeps(read_waveform(Clip(joined))) == pytest.approx([0.3, 1.1], abs=0.05)
