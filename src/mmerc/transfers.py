"""Files between this machine and an address: what is read as a whole, such as a model, and outputs.

A copy is in `MMERC_CACHE/addresses/KEY`, where KEY tells the address and the state of its files, so that a file that has changed is
copied again. An output is written on this machine, and uploaded when it is complete.
"""

import errno
import hashlib
import posixpath
import shutil
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from mmerc.addresses import RemotePath, describe_state, find_file_system, translate_errors
from mmerc.cache import get_cache_folder

FOLDER = "addresses"  # of the cache
READ_ONLY = ("http", "https")


def fetch_file(path: Path) -> Path:
    """A file on this machine: the path itself, or the copy in the cache of a file at an address, which is read once for each state.

    Raises:
        OSError: it cannot be read, or the cache cannot be written.
    """
    if not isinstance(path, RemotePath):
        return path
    with translate_errors(str(path)):
        fs, name = find_file_system(str(path))
        return _copy_once(fs, name, {path.name: fs.info(name)}) / path.name


def fetch_folder(path: Path, patterns: Sequence[str]) -> Path:
    """A folder on this machine: the path itself, or a copy in the cache of those files below it whose names fit one of `patterns`.

    Raises:
        OSError: it cannot be read, or the cache cannot be written.
    """
    if not isinstance(path, RemotePath):
        return path
    with translate_errors(str(path)):
        fs, name = find_file_system(str(path))
        fs.invalidate_cache()  # of listings
        found = {posixpath.relpath(each, name): info for each, info in fs.find(name, detail=True).items()}
        files = {
            file: info
            for file, info in found.items()
            if any(fnmatch(posixpath.basename(file), pattern) for pattern in patterns) and ".." not in file.split("/")
        }
        if not files:
            raise FileNotFoundError(name)
        return _copy_once(fs, name, files, posixpath.basename(name))


def _copy_once(fs: Any, name: str, files: Mapping[str, Mapping[str, Any]], folder: str = "") -> Path:
    """The folder of the cache with these files; they are copied where they are not there in this state."""
    states = sorted((file, describe_state(info)) for file, info in files.items())
    key = hashlib.sha256(repr((fs.unstrip_protocol(name), states)).encode()).hexdigest()[:24]
    target = get_cache_folder() / FOLDER / key / folder
    if target.is_dir() and any(target.iterdir()):
        return target
    temporary = get_cache_folder() / FOLDER / f".partial-{uuid.uuid4().hex[:8]}"
    try:
        for file in files:
            (temporary / folder / file).parent.mkdir(parents=True, exist_ok=True)
            fs.get_file(posixpath.join(name, file) if folder else name, str(temporary / folder / file))
        with suppress(OSError):  # another process was faster
            temporary.rename(get_cache_folder() / FOLDER / key)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def upload(source: Path, target: RemotePath) -> None:
    """Copy a file or a folder of this machine to an address, in place of what is there; the files of the top of a folder last.

    Raises:
        OSError: it cannot be written.
    """
    with translate_errors(str(target), "write"):
        fs, name = find_file_system(str(target))
        if str(target).partition(":")[0] in READ_ONLY:
            raise OSError(errno.EROFS, "files cannot be written to such an address", str(target))
        if not source.is_dir():
            fs.put_file(str(source), name)
            return
        if fs.exists(name):
            fs.rm(name, recursive=True)
        files = [file for file in source.rglob("*") if file.is_file()]
        for file in sorted(files, key=lambda file: (-len(file.parts), file)):
            fs.put_file(str(file), posixpath.join(name, file.relative_to(source).as_posix()))


def remove(path: RemotePath) -> None:
    """Remove a file or a folder at an address, if it is there. Raises OSError: it cannot be removed."""
    with translate_errors(str(path), "write"):
        fs, name = find_file_system(str(path))
        if fs.exists(name):
            fs.rm(name, recursive=True)
