"""Files that are named by an address, such as `s3://bucket/talk.mp4`, as paths: they are read in ranges, through fsspec.

Only what a user gives as an input becomes such a path (`make_path`). A name in a file of a corpus is joined to the folder of the
corpus, so it never leads to another server.
"""

import errno
import io
import os
import posixpath
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PosixPath
from threading import Lock
from typing import Any

from mmerc.errors import get_first_line

# The package that reads each kind of address, besides fsspec.
PACKAGES = {
    "s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "hf": "huggingface-hub", "http": "aiohttp", "https": "aiohttp",
    "memory": "fsspec",
}  # fmt: skip
ADDRESS = re.compile(rf"({'|'.join(PACKAGES)})://?(?=[^/])")
BLOCK = 128 << 10  # bytes that are read at a time: little beside ten seconds of video
# Blocks of a file, and files, that stay in memory: voice and face read the same part one after the other.
BLOCKS, FILES = 128, 4


def is_address(text: str) -> bool:
    """Whether a text is the address of a remote file or folder.

    >>> is_address("s3://bucket/talk.mp4"), is_address("talk.mp4"), is_address("file:///etc/passwd")
    (True, False, False)
    """
    return ADDRESS.match(text) is not None


def make_path(text: str) -> Path:
    """The path of a file or folder that a user names: on this machine, with `~` for the home folder, or at an address.

    >>> make_path("s3://bucket/talks") / "a.mp4"
    RemotePath('s3://bucket/talks/a.mp4')

    Raises:
        RuntimeError: there is no such user.
    """
    return RemotePath(text) if is_address(text) else Path(text).expanduser()


class RemotePath(PosixPath):
    """A path at an address. Whatever reads goes through fsspec, and raises OSError with a reason; nothing can be written."""

    def __str__(self) -> str:
        scheme, _, rest = super().__str__().partition(":/")
        return f"{scheme}://{rest.lstrip('/')}"

    def __repr__(self) -> str:
        return f"RemotePath({str(self)!r})"

    @property
    def name(self) -> str:
        """The last part, without the signature of a signed address."""
        return super().name.partition("?")[0]

    def is_absolute(self) -> bool:
        return True

    def absolute(self) -> "RemotePath":
        return self

    def expanduser(self) -> "RemotePath":
        return self

    def resolve(self, strict: bool = False) -> "RemotePath":
        """The path without `..`."""
        return RemotePath(posixpath.normpath(super().__str__()))

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Kind and size; the time of the last change is 0 where the server does not say it."""
        with _translate_errors(str(self)):
            fs, path = _find_file_system(str(self))
            found = fs.info(path)
        kind = stat.S_IFDIR if found["type"] == "directory" else stat.S_IFREG
        changed = found.get("LastModified") or found.get("last_modified") or found.get("created")
        time = int(changed.timestamp()) if hasattr(changed, "timestamp") else 0
        return os.stat_result((kind | 0o444, 0, 0, 1, 0, 0, found.get("size") or 0, time, time, time))

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        return self._has_kind(lambda mode: True)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return self._has_kind(stat.S_ISREG)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self._has_kind(stat.S_ISDIR)

    def _has_kind(self, test: Any) -> bool:
        try:
            return bool(test(self.stat().st_mode))
        except FileNotFoundError:
            return False

    def iterdir(self) -> Iterator["RemotePath"]:  # type: ignore[override]
        """What the folder holds, in the order of the names; nothing outside of it, whatever the server says."""
        with _translate_errors(str(self)):
            fs, path = _find_file_system(str(self))
            names = sorted(fs.unstrip_protocol(each) for each in fs.ls(path, detail=False))
        yield from (each for each in map(RemotePath, names) if each.parent == self)

    def rglob(self, pattern: str, **_: Any) -> Iterator["RemotePath"]:  # type: ignore[override]
        """All files below whose names match."""
        with _translate_errors(str(self)):
            fs, path = _find_file_system(str(self))
            names = sorted(fs.unstrip_protocol(each) for each in fs.find(path))
        found = (RemotePath(name) for name in names)
        yield from (each for each in found if each.is_relative_to(self) and each.match(pattern))

    def glob(self, pattern: str, **_: Any) -> Iterator["RemotePath"]:  # type: ignore[override]
        """The files whose path below this folder matches."""
        depth = len(self.parts) + pattern.count("/") + 1
        return (each for each in self.rglob(pattern) if len(each.parts) == depth)

    def open(self, mode: str = "r", *args: Any, **options: Any) -> Any:
        """The file for reading, in text mode or with `mode="rb"`."""
        if set(mode) - set("rbt"):
            raise OSError(errno.EROFS, "mmerc does not write to addresses: give a path on this machine", str(self))
        state = self.stat()
        if stat.S_ISDIR(state.st_mode):
            raise IsADirectoryError(errno.EISDIR, "it is a folder", str(self))
        stream = io.BufferedReader(_Reader(_open_ranges(str(self), state.st_size, int(state.st_mtime))))
        if "b" in mode:
            return stream
        buffering, *others = args or (-1,)
        options.pop("buffering", buffering)
        return io.TextIOWrapper(stream, *others, **options)


class _Ranges:
    """An open remote file; several readers share its blocks in memory."""

    def __init__(self, address: str) -> None:
        self.address, self.lock = address, Lock()
        with _translate_errors(address):
            fs, path = _find_file_system(address)
            self.file = fs.open(
                path, "rb", block_size=BLOCK, cache_type="blockcache", cache_options={"maxblocks": BLOCKS}
            )
            self.size = int(self.file.size)

    def read(self, start: int, length: int) -> bytes:
        with self.lock, _translate_errors(self.address):
            self.file.seek(start)
            return bytes(self.file.read(length))


class _Reader(io.RawIOBase):
    """A position in a remote file."""

    def __init__(self, ranges: _Ranges) -> None:
        self.ranges, self.position = ranges, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.ranges.size}[whence]
        self.position = max(0, start + offset)
        return self.position

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), max(0, self.ranges.size - self.position))
        content = self.ranges.read(self.position, length) if length else b""
        buffer[: len(content)] = content
        self.position += len(content)
        return len(content)


@lru_cache(maxsize=FILES)
def _open_ranges(address: str, size: int, modified: int) -> _Ranges:
    """`size` and `modified` are part of the key: a file that has changed is read again."""
    return _Ranges(address)


def _find_file_system(address: str) -> tuple[Any, str]:
    """The file system of fsspec, and the path in it. Credentials are found as its library does it, such as in AWS_PROFILE."""
    import fsspec

    scheme = address.partition(":")[0]
    if scheme not in PACKAGES:
        raise OSError(errno.EINVAL, "no such kind of address", address)
    try:
        fs, path = fsspec.url_to_fs(address)
    except ImportError as error:
        needed = PACKAGES[scheme]
        raise OSError(
            errno.EINVAL, f"{scheme}:// needs {needed}: pip install 'mmerc[remote]' {needed}", address
        ) from error
    return fs, path


@contextmanager
def _translate_errors(address: str) -> Iterator[None]:
    """Turn what the libraries of fsspec raise into OSError with one sentence."""
    shown = address.partition("?")[0]  # without the signature
    try:
        yield
    except FileNotFoundError as error:
        if "Connect" in type(error.__cause__).__name__:  # of aiohttp
            raise OSError(errno.EHOSTUNREACH, "its server cannot be reached", shown) from error
        raise FileNotFoundError(errno.ENOENT, "there is nothing at this address", shown) from error
    except PermissionError as error:
        reason = f"no rights to read it ({get_first_line(error)[:80]}): check the credentials"
        raise PermissionError(errno.EACCES, reason, shown) from error
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(error.errno or errno.EIO, get_first_line(error)[:160], shown) from error
    except ValueError as error:  # fsspec, for a server that sends the whole file
        reason = get_first_line(error)
        if "range" in reason.lower():
            reason = "its server sends no ranges: download the file"
        raise OSError(errno.EIO, reason[:160], shown) from error
    except Exception as error:  # of aiohttp, botocore and others, which have no common class
        raise OSError(
            errno.EIO, f"it cannot be read ({type(error).__name__}: {get_first_line(error)[:120]})", shown
        ) from error
