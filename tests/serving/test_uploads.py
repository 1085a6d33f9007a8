from pathlib import Path

import numpy as np
import pytest
from fastapi import HTTPException
from PIL import Image

from mmerc.serving.uploads import check_medium
from tests.media.clips import write_beep_and_flash, write_vbr_mp3


def test_a_recording_is_refused_for_its_true_duration(tmp_path: Path) -> None:
    """The header of this MP3 gives more than 5 s, the one of this WebM nothing."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 48_000 * 4)
    noise[: 48_000 * 2] = 0
    file = write_vbr_mp3(tmp_path / "a.mp3", noise)
    check_medium(file, 5)
    with pytest.raises(HTTPException, match="413: the recording takes 4 s, more than 3"):
        check_medium(file, 3)
    live = write_beep_and_flash(tmp_path / "a.webm", None, "libopus", seconds=4.0, options={"live": "1"})
    with pytest.raises(HTTPException, match="413: the recording takes 4 s, more than 3"):
        check_medium(live, 3)


def test_pictures_are_media_and_text_is_none(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    check_medium(tmp_path / "a.png", 1)
    (tmp_path / "a.mp4").write_text("no film")
    with pytest.raises(HTTPException, match="415: the file is no audio or video"):
        check_medium(tmp_path / "a.mp4", 1)
