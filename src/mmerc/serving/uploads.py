"""Files that strangers send: in a private folder, under names of ours, removed in every case."""

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
    """A private folder; `remove` may be called more than once."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mmerc-"))  # mode 0700

    def keep(self, upload: UploadFile, name: str) -> Path:
        """The upload as the file `name`, which is ours; what the client calls it is never a path."""
        file = self.folder / name
        with file.open("wb") as out:
            shutil.copyfileobj(upload.file, out, BLOCK)
        return file

    def keep_transcript(self, upload: UploadFile) -> Path:
        """Only the known endings are taken over from the client's name, for they say how to read it."""
        ending = next((s for s in ENDINGS if (upload.filename or "").lower().endswith(s)), None)
        if ending is None:
            raise HTTPException(415, f"a transcript is one of {', '.join(ENDINGS)}: name the file so.")
        return self.keep(upload, f"transcript{ending}")

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def check_medium(file: Path, most_seconds: float) -> None:
    """Refuse what is no recording (415), or too long a one (413). The duration is measured: a header may be wrong."""
    try:
        seconds = 0.0 if is_picture(file) else measure_duration(file)
    except MediaError as error:
        raise HTTPException(415, f"the file is no audio or video that can be read: {error}.") from error
    if seconds > most_seconds:
        raise HTTPException(413, f"the recording takes {seconds:.0f} s, more than {most_seconds:g}: send a part of it.")
