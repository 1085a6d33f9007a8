from pathlib import Path

import av
import pytest

from mmerc.errors import ClipNotFound, ClipUnreadable, NoVideo
from mmerc.media.container import open_media
from tests.media.clips import write_video


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
