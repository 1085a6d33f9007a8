"""Sound and video inside of another file, such as a Parquet table or a tar archive: each becomes a file of the user's cache.

A clip is a file, because decoders seek in it. The files of a corpus are in `MMERC_CACHE/corpora/NAME`, where NAME tells the path, size
and time of the file that they come from, so that a changed file is read again.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmerc.cache import get_cache_folder
from mmerc.files import replace_atomically
from mmerc.suffixes import AUDIO_SUFFIXES, VIDEO_SUFFIXES

FOLDER = "corpora"
# The first bytes of a file, for tables that store no name.
MAGIC = (
    (b"RIFF", ".wav"),
    (b"fLaC", ".flac"),
    (b"OggS", ".ogg"),
    (b"ID3", ".mp3"),
    (b"\xff\xfb", ".mp3"),
    (b"\x1aE\xdf\xa3", ".mkv"),
)


def guess_suffix(name: str, data: bytes) -> str:
    """The suffix of a media file from its name, or from its first bytes; empty where neither tells it.

    >>> guess_suffix("a/b.WAV", b""), guess_suffix("", b"fLaC..."), guess_suffix("notes.txt", b"hello")
    ('.wav', '.flac', '')
    """
    suffix = Path(name).suffix.lower()
    if suffix in AUDIO_SUFFIXES | VIDEO_SUFFIXES:
        return suffix
    if data[4:8] == b"ftyp":
        return ".mp4"
    return next((found for start, found in MAGIC if data.startswith(start)), "")


def name_cache_folder(file: Path) -> Path:
    """The folder of the cache for the media inside of a file."""
    stat = file.stat()
    text = f"{file.resolve()}/{stat.st_size}/{stat.st_mtime_ns}"
    return get_cache_folder() / FOLDER / f"{file.stem}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


@contextmanager
def extract_once(file: Path) -> Iterator[tuple[Path, Path | None]]:
    """Yield the folder of the media inside of `file`, and a temporary folder to write them to; `None` if they are there already.

    Raises:
        RunError: the cache cannot be written.
    """
    folder = name_cache_folder(file)
    if folder.is_dir():
        yield folder, None
        return
    with replace_atomically(folder) as temporary:
        temporary.mkdir()
        yield folder, temporary
