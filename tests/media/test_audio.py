from pathlib import Path

import av
import numpy as np
import pytest

from mmerc.corpora import Clip
from mmerc.errors import NoAudio
from mmerc.media.audio import read_waveform, read_waveform_blocks
from tests.media.clips import encode_sound, write_beep_and_flash, write_video, write_wav


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
    assert read_waveform(Clip(file), channel="mean")[8000] == pytest.approx(0.1, abs=0.01)


def test_a_part_of_a_clip(tmp_path: Path) -> None:
    steps = np.repeat([0.1, 0.2, 0.3, 0.4], 16_000)
    file = write_wav(tmp_path / "a.wav", steps[None])
    wave = read_waveform(Clip(file, start=1.0, end=2.5))
    assert abs(len(wave) - 24_000) <= 1
    assert wave[8_000] == pytest.approx(0.2, abs=1e-3) and wave[20_000] == pytest.approx(0.3, abs=0.01)


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
    assert max(len(block) for block in read_waveform_blocks(Clip(file))) < 200_000
    assert len(read_waveform(Clip(file), max_seconds=2.0)) == 32_000


def test_a_gap_is_silent_and_what_follows_keeps_its_time(tmp_path: Path) -> None:
    file = write_beep_and_flash(
        tmp_path / "a.mka", None, "libopus", seconds=6.0, beep=(0.0, 6.0), keep_sound=lambda time: not 2 <= time < 4
    )
    loud = np.abs(read_waveform(Clip(file)))[:96_000].reshape(-1, 1600).max(1) > 0.2  # tenths of a second
    assert loud[:19].all() and not loud[21:39].any() and loud[42:].all()
    inside = Clip(file, start=2.5, end=3.5)
    with pytest.raises(NoAudio, match=r"a\.mka is silent"):
        read_waveform(inside)
    assert sum(len(block) for block in read_waveform_blocks(inside)) == 16_000


def test_time_stamps_that_jitter_leave_the_samples_as_they_are(tmp_path: Path) -> None:
    """Streams from the web come with stamps that are up to a frame off; a cut at each of them would be heard."""
    with av.open(str(tmp_path / "a.mka"), "w") as container:
        track = container.add_stream("flac", rate=16_000, layout="mono")
        track.codec_context.open()
        for number, packet in enumerate(encode_sound(track, tone(3), 16_000)):
            packet.pts = packet.dts = (packet.pts or 0) + (0, 300, -200, 500)[number % 4] + 100
            container.mux(packet)
    spectrum = np.abs(np.fft.rfft(read_waveform(Clip(tmp_path / "a.mka"))[:32_000]))
    assert np.argmax(spectrum) == 880 and spectrum[880] > 0.95 * np.sqrt(np.sum(spectrum**2))


def test_sound_that_overlaps_is_cut(tmp_path: Path) -> None:
    """The stamps run at half the speed of the samples: four seconds of samples fill two."""
    steps = np.repeat([0.1, 0.2, 0.3, 0.4], 16_000)
    with av.open(str(tmp_path / "a.nut"), "w") as container:
        track = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        track.codec_context.open()
        for packet in encode_sound(track, steps, 16_000):
            packet.pts = packet.dts = (packet.pts or 0) // 2
            container.mux(packet)
    wave = read_waveform(Clip(tmp_path / "a.nut"))
    assert abs(len(wave) - 32_000) < 3000
    assert wave[[4000, 12_000, 20_000, 28_000]] == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.01)


def write_two_tracks(file: Path, *, default: int | None) -> Path:
    """The first track has a level of 0.1, the second one of 0.3."""
    with av.open(str(file), "w") as container:
        tracks = [container.add_stream("flac", rate=16_000, layout="mono") for _ in range(2)]
        for track in tracks:
            track.codec_context.open()
        if default is not None:
            tracks[default].disposition = av.stream.Disposition.default
        for track, level in zip(tracks, (0.1, 0.3), strict=True):
            for packet in encode_sound(track, np.full(16_000, level), 16_000):
                container.mux(packet)
    return file


def test_the_default_track_the_first_and_any_other(tmp_path: Path) -> None:
    second = write_two_tracks(tmp_path / "second.mka", default=1)
    assert read_waveform(Clip(second))[8000] == pytest.approx(0.3, abs=0.01)
    assert read_waveform(Clip(second, audio_track=0))[8000] == pytest.approx(0.1, abs=0.01)
    without = write_two_tracks(tmp_path / "without.mka", default=None)
    assert read_waveform(Clip(without))[8000] == pytest.approx(0.1, abs=0.01)
    with pytest.raises(NoAudio, match=r"second\.mka has no audio track 2: give a track from 0 to 1"):
        read_waveform(Clip(second, audio_track=2))


def test_a_track_without_a_decoder_is_passed_over(tmp_path: Path) -> None:
    file = write_two_tracks(tmp_path / "a.mka", default=0)
    content = file.read_bytes()
    file.write_bytes(content.replace(b"A_FLAC", b"A_XXXX", 1))
    assert read_waveform(Clip(file))[8000] == pytest.approx(0.3, abs=0.01)
    file.write_bytes(content.replace(b"A_FLAC", b"A_XXXX"))
    with pytest.raises(NoAudio, match=r"a\.mka has no audio track that can be decoded"):
        read_waveform(Clip(file))


def test_channels_that_cancel_each_other(tmp_path: Path) -> None:
    voice = tone(2)
    for name, channels, level in (
        ("inverted", [voice, -voice], 0.5),
        ("nearly inverted", [0.9 * voice, -voice], 0.45),
        ("one side", [voice, 0 * voice], 0.25),  # nothing cancels: the mean, as before
        ("in phase", [voice, voice], 0.5),
    ):
        file = write_wav(tmp_path / f"{name}.wav", np.stack(channels), layout="stereo")
        assert np.abs(read_waveform(Clip(file))).max() == pytest.approx(level, abs=0.01), name
