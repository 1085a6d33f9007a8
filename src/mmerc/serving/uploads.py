"""Uploaded files: stored in a private temporary folder under fixed names, and always removed."""

import shutil
import tempfile
from pathlib import Path

from fastapi import HTTPException
from starlette.datastructures import UploadFile

from mmerc.corpora.transcripts import ENDINGS
from mmerc.errors import MediaError
from mmerc.media.image import is_picture
from mmerc.media.timeline import measure_duration

BLOCK = 1 << 20


class Uploads:
    """The files of one request. `remove` may be called more than once."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mmerc-"))  # mode 0700

    def store(self, upload: UploadFile, name: str) -> Path:
        """Store the upload as `name`. The client's own file name is never a part of a path."""
        file = self.folder / name
        with file.open("wb") as out:
            shutil.copyfileobj(upload.file, out, BLOCK)
        return file

    def store_transcript(self, upload: UploadFile) -> Path:
        """Store a transcript. Its suffix, which says how to read it, comes from the client if it is a known one.

        Raises:
            HTTPException: 415, the suffix is not known.
        """
        suffix = next((each for each in ENDINGS if (upload.filename or "").lower().endswith(each)), None)
        if suffix is None:
            raise HTTPException(415, f"the transcript has no known suffix: name the file with {', '.join(ENDINGS)}.")
        return self.store(upload, f"transcript{suffix}")

    def remove(self) -> None:
        """Remove all files."""
        shutil.rmtree(self.folder, ignore_errors=True)


def check_recording(file: Path, max_seconds: float) -> None:
    """Check that a file is a recording and not too long.

    Raises:
        HTTPException: 415, it is neither audio nor video; 413, it is longer than `max_seconds`.
    """
    try:
        seconds = 0.0 if is_picture(file) else measure_duration(file)  # a header may be wrong
    except MediaError as error:
        raise HTTPException(415, f"the file cannot be read as audio or video: {error}.") from error
    if seconds > max_seconds:
        raise HTTPException(
            413, f"the recording takes {seconds:.0f} s, more than {max_seconds:g} s: send a part of it."
        )
