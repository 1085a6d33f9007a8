"""Uploaded files."""

import io
from pathlib import Path

import pytest
from fastapi import HTTPException
from starlette.datastructures import UploadFile

from mmerc.serving.uploads import Uploads, check_recording


def test_the_clients_name_is_never_a_path(temporary_folder: Path) -> None:
    uploads = Uploads()
    file = uploads.store(UploadFile(io.BytesIO(b"abc"), filename="../../etc/passwd"), "clip")
    assert file.read_bytes() == b"abc" and file == uploads.folder / "clip"
    assert uploads.folder.stat().st_mode & 0o777 == 0o700
    uploads.remove()
    uploads.remove()
    assert list(temporary_folder.iterdir()) == []


def test_the_suffix_of_a_transcript_is_taken_over(temporary_folder: Path) -> None:
    uploads = Uploads()
    assert uploads.store_transcript(UploadFile(io.BytesIO(b""), filename="a/b.SRT"), 1000).name == "transcript.srt"
    with pytest.raises(HTTPException) as error:
        uploads.store_transcript(UploadFile(io.BytesIO(b""), filename="talk.exe"), 1000)
    assert error.value.status_code == 415 and error.value.detail.startswith("the transcript has no known suffix")


def test_a_recording_is_checked(clip: Path, tmp_path: Path) -> None:
    check_recording(clip, 10)
    (tmp_path / "a").write_text("no film")
    for file, seconds, status in ((clip, 1, 413), (tmp_path / "a", 10, 415)):
        with pytest.raises(HTTPException) as error:
            check_recording(file, seconds)
        assert error.value.status_code == status
