"""Uploaded files: stored in a private temporary folder under fixed names, and always removed."""

import os
import re
import shutil
import tempfile
from pathlib import Path

from fastapi import HTTPException
from starlette.datastructures import UploadFile

from mmerc.corpora.transcripts import ENDINGS
from mmerc.errors import MediaError
from mmerc.media.image import is_picture
from mmerc.media.timeline import is_longer_than

BLOCK = 1 << 20
PREFIX = "mmerc-upload-"
ABANDONED = re.compile(rf"{PREFIX}(\d+)-.*")


class Uploads:
    """The files of one request. `remove` may be called more than once."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))  # mode 0700

    def store(self, upload: UploadFile, name: str) -> Path:
        """Store the upload as `name`. The client's own file name is never a part of a path."""
        file = self.folder / name
        with file.open("wb") as out:
            shutil.copyfileobj(upload.file, out, BLOCK)
        return file

    def store_transcript(self, upload: UploadFile, max_bytes: int) -> Path:
        """Store a transcript. Its suffix, which says how to read it, comes from the client if it is a known one.

        Raises:
            HTTPException: 415, the suffix is not known; 413, it has more than `max_bytes`.
        """
        suffix = next((each for each in ENDINGS if (upload.filename or "").lower().endswith(each)), None)
        if suffix is None:
            raise HTTPException(415, f"the transcript has no known suffix: name the file with {', '.join(ENDINGS)}.")
        file = self.store(upload, f"transcript{suffix}")
        if file.stat().st_size > max_bytes:
            raise HTTPException(413, f"the transcript has more than {max_bytes} bytes: send a part of it.")
        return file

    def remove(self) -> None:
        """Remove all files."""
        shutil.rmtree(self.folder, ignore_errors=True)


def remove_abandoned_uploads() -> None:
    """Remove the uploads of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        match = ABANDONED.fullmatch(folder.name)
        if match is not None and not _is_running(int(match[1])):
            shutil.rmtree(folder, ignore_errors=True)  # fails for folders of other users


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def check_recording(file: Path, max_seconds: float) -> None:
    """Check that a file is a recording and not too long.

    Raises:
        HTTPException: 415, it is neither audio nor video; 413, it is longer than `max_seconds`.
    """
    try:
        # A header may be wrong, and a small file may hold a million frames: it is read only as far as it is allowed to go.
        is_too_long = not is_picture(file) and is_longer_than(file, max_seconds)
    except MediaError as error:
        raise HTTPException(415, f"the file cannot be read as audio or video: {error}.") from error
    if is_too_long:
        raise HTTPException(413, f"the recording takes more than {max_seconds:g} s: send a part of it.")
