from pathlib import Path

import av
import numpy as np
import pytest

from mmerc.corpora import Clip
from mmerc.errors import NoAudio
from mmerc.media.audio import read_waveform, waveform_blocks
from tests.media.clips import write_video, write_wav


def tone(seconds: float, rate: int = 16_000, hertz: float = 440) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


def test_a_tone_keeps_pitch_and_length_through_resampling(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "a.wav", tone(1, 48_000)[None], rate=48_000)
    wave = read_waveform(Clip(file))
    assert abs(len(wave) - 16_000) <= 2
    assert np.argmax(np.abs(np.fft.rfft(wave))) == pytest.approx(440, abs=1)


def test_mean_and_centre_of_six_channels(tmp_path: Path) -> None:
    channels = np.zeros((6, 16_000))
    channels[2] = 0.6  # front centre, in ffmpeg's order FL FR FC LFE BL BR
    file = write_wav(tmp_path / "a.wav", channels, layout="5.1")
    assert read_waveform(Clip(file), channel="centre")[8000] == pytest.approx(0.6, abs=1e-3)
    assert read_waveform(Clip(file), channel="mean")[8000] == pytest.approx(0.1, abs=1e-3)


def test_a_part_of_a_clip(tmp_path: Path) -> None:
    steps = np.repeat([0.1, 0.2, 0.3, 0.4], 16_000)
    file = write_wav(tmp_path / "a.wav", steps[None])
    wave = read_waveform(Clip(file, start=1.0, end=2.5))
    assert abs(len(wave) - 24_000) <= 1
    assert wave[8_000] == pytest.approx(0.2, abs=1e-3) and wave[20_000] == pytest.approx(0.3, abs=1e-3)


def test_recordings_that_were_joined_may_change_their_rate_and_channels(tmp_path: Path) -> None:
    for name, rate, channels in (("a.mp3", 44_100, 2), ("b.mp3", 22_050, 1)):
        with av.open(tmp_path / name, "w") as file:
            layout = "stereo" if channels == 2 else "mono"
            stream = file.add_stream("libmp3lame", rate=rate, layout=layout)
            samples = np.repeat((20_000 * tone(1, rate)).astype(np.int16)[None], channels, 0)
            frame = av.AudioFrame.from_ndarray(samples, format="s16p", layout=layout)
            frame.sample_rate, frame.pts = rate, 0
            file.mux([*stream.encode(frame), *stream.encode()])
    joined = tmp_path / "joined.mp3"
    joined.write_bytes(b"".join((tmp_path / name).read_bytes() for name in ("a.mp3", "b.mp3")))
    wave = read_waveform(Clip(joined))
    assert len(wave) == pytest.approx(32_000, rel=0.1)
    for part in (wave[4000:12_000], wave[-12_000:-4000]):  # the tone is the same in both
        assert np.argmax(np.abs(np.fft.rfft(part))) * 2 == pytest.approx(440, abs=4)


def test_numbers_that_are_none_become_silence(tmp_path: Path) -> None:
    samples = tone(0.5)
    samples[100:200], samples[300], samples[400] = np.nan, np.inf, 7.0
    wave = read_waveform(Clip(write_wav(tmp_path / "a.wav", samples[None])))
    assert np.isfinite(wave).all() and np.abs(wave).max() <= 1.2


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(16_000), "is silent"),
        (np.full(1, 0.5), "only 0 ms of audio"),
        (np.full(16_000, np.nan), "is silent"),
    ],
)
def test_audio_that_is_none(tmp_path: Path, samples: np.ndarray, reason: str) -> None:
    with pytest.raises(NoAudio, match=reason):
        read_waveform(Clip(write_wav(tmp_path / "a.wav", samples[None])))


def test_a_video_without_sound(tmp_path: Path) -> None:
    with pytest.raises(NoAudio, match="has no audio stream"):
        read_waveform(Clip(write_video(tmp_path / "a.mp4", audio=False)))


def test_an_hour_is_read_in_blocks_and_cut_at_the_limit(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "long.wav", np.tile(tone(1), 600)[None])
    assert max(len(block) for block in waveform_blocks(Clip(file))) < 200_000
    assert len(read_waveform(Clip(file), max_seconds=2.0)) == 32_000
