from pathlib import Path

import av
import numpy as np
import pytest

from mmerc.corpora import Clip
from mmerc.errors import ClipNotFound, ClipUnreadable, NoVideo
from mmerc.media.audio import read_waveform
from mmerc.media.container import open_media
from mmerc.media.decoding import is_media
from mmerc.suffixes import MEDIA_SUFFIXES
from tests.media.clips import write_beep_and_flash, write_video


def reason(file: Path) -> str:
    with pytest.raises((ClipNotFound, ClipUnreadable)) as caught, open_media(file):
        pass
    return str(caught.value)


def test_every_file_that_is_no_clip_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a film")
    (tmp_path / "folder.mp4").mkdir()
    whole = write_video(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    assert reason(tmp_path / "absent.mp4") == "absent.mp4 is absent"
    assert reason(tmp_path / "folder.mp4") == "folder.mp4 is absent"
    assert reason(tmp_path / "empty.mp4") == "empty.mp4 is empty (0 bytes)"
    assert reason(tmp_path / "text.mp4").startswith("text.mp4 cannot be opened as audio or video")
    assert reason(tmp_path / "cut.mp4").startswith("cut.mp4 cannot be opened")


def test_a_playlist_cannot_reach_other_files(tmp_path: Path) -> None:
    write_video(tmp_path / "secret.mp4")
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile secret.mp4\n")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n")
    (tmp_path / "sd.mp4").write_text("v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n")
    for name in ("list.mp4", "list.m3u8", "sd.mp4"):
        assert "cannot be opened" in reason(tmp_path / name)


@pytest.mark.parametrize("error", [ValueError("a frame of another kind"), av.error.PermissionError(1, "not permitted")])
def test_damage_that_shows_while_it_is_read_is_a_missing_modality(tmp_path: Path, error: Exception) -> None:
    clip = write_video(tmp_path / "a.mp4")
    with pytest.raises(ClipUnreadable, match=r"a\.mp4 is damaged \(.*(another kind|not permitted)"), open_media(clip):
        raise error
    with pytest.raises(NoVideo, match="no face"), open_media(clip):  # a reason that is known already stays
        raise NoVideo("no face")


def test_a_speech_corpus_sphere_file_has_a_wav_name(tmp_path: Path) -> None:
    samples = (8000 * np.sin(np.arange(16_000) / 5)).astype("<i2")
    fields = ["NIST_1A", "   1024", "channel_count -i 1", "sample_count -i 16000", "sample_rate -i 16000"]
    fields += ["sample_n_bytes -i 2", "sample_byte_format -s2 01", "sample_coding -s3 pcm", "end_head"]
    header = "\n".join(fields).encode() + b"\n"
    file = tmp_path / "a.wav"
    file.write_bytes(header.ljust(1024, b" ") + samples.tobytes())
    assert np.abs(read_waveform(Clip(file)) - samples / 32_768).max() < 1e-3


@pytest.mark.parametrize(
    ("suffix", "audio", "rate"),
    [
        ("3gp", "aac", 16_000),
        ("aiff", "pcm_s16be", 16_000),
        ("au", "pcm_s16be", 16_000),
        ("caf", "alac", 16_000),
        ("flv", "aac", 44_100),
        ("m2ts", "aac", 48_000),
        ("m4b", "aac", 16_000),
        ("mka", "libopus", 48_000),
        ("oga", "flac", 16_000),
        ("w64", "pcm_f32le", 16_000),
        ("wma", "wmav2", 44_100),
    ],
)
def test_every_name_in_the_list_is_read_whatever_it_is(tmp_path: Path, suffix: str, audio: str, rate: int) -> None:
    muxer = {"m4b": "ipod", "m2ts": "mpegts", "wma": "asf"}.get(suffix)
    file = write_beep_and_flash(
        tmp_path / f"a.{suffix}", None, audio, seconds=1.0, beep=(0, 1), sample_rate=rate, muxer=muxer
    )
    assert len(read_waveform(Clip(file))) == pytest.approx(16_000, rel=0.1)
    assert file.suffix in MEDIA_SUFFIXES
    assert is_media(file.rename(tmp_path / "no suffix"))


@pytest.mark.parametrize(("chosen", "variable", "expected"), [(1, "2", 1), (None, "2", 2), (None, "", 0)])
def test_video_is_decoded_with_the_threads_of_the_process(
    chosen: int | None, variable: str, expected: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("mmerc.threads._chosen", chosen)
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    with open_media(write_video(tmp_path / "clip.mp4")) as media:
        (index,) = media.find_video_tracks()
        assert media.video_track(index).codec_context.thread_count == expected
