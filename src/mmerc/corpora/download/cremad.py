"""CREMA-D: the archive of its repository has Git LFS pointers in place of the recordings; each names the hash and the size."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from mmerc.corpora.download.archives import unpack_zip
from mmerc.corpora.download.sources import FileSource, RemoteFile
from mmerc.corpora.paths import is_lfs_pointer
from mmerc.corpora.readers.cremad import parse_take
from mmerc.errors import CorpusError

AUDIO = "AudioWAV"
# Format: github.com/git-lfs/git-lfs/blob/main/docs/spec.md
POINTER = re.compile(r"^oid (?P<checksum>sha256:[0-9a-f]{64})\nsize (?P<size>\d{1,12})$", re.MULTILINE)


def unpack_cremad(source: FileSource, files: Sequence[RemoteFile], folder: Path) -> None:
    """Unpack the archive `files[0]`, and replace each pointer by its recording. `files[1]` is the address of their folder.

    Raises:
        CorpusError: the archive or a pointer in it is damaged.
        DownloadError: a recording cannot be downloaded.
    """
    archive, recordings = files
    unpack_zip(source.get(archive), folder, _place)
    pointers = [file for file in sorted(folder.glob(f"{AUDIO}/*")) if is_lfs_pointer(file)]
    remote = [_read_pointer(file, recordings) for file in pointers]
    for pointer, recording in zip(pointers, source.get_many(remote, "recordings"), strict=True):
        pointer.unlink()
        source.place(recording, pointer)


def _place(path: PurePosixPath) -> PurePosixPath | None:
    is_recording = path.parent.name == AUDIO and path.suffix.lower() == ".wav" and parse_take(Path(path)) is not None
    return PurePosixPath(AUDIO, path.name) if is_recording else None


def _read_pointer(file: Path, recordings: RemoteFile) -> RemoteFile:
    found = POINTER.search(file.read_text(encoding="utf-8", errors="replace"))
    if found is None:
        raise CorpusError(f"{file.name} is a Git LFS pointer without hash and size: download the archive again.")
    url = f"{recordings.url}/{file.name}" if recordings.url else None
    return RemoteFile(f"{recordings.name}/{file.name}", url, int(found["size"]), found["checksum"])
