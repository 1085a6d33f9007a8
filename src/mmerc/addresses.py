"""Files that are named by an address, such as `s3://bucket/talk.mp4`, as paths: they are read in ranges, through fsspec.

Only what a user gives as an input becomes such a path (`make_path`). A name in a file of a corpus is joined to the folder of the
corpus, so it never leads to another server. See `mmerc.transfers` for what is read as a whole, and for outputs.
"""

import errno
import io
import os
import posixpath
import re
import stat
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path, PosixPath
from threading import Lock
from typing import Any

from mmerc.errors import get_first_line

# The package that reads each kind of address, besides fsspec, and the extra that has it; none is needed without an extra.
PACKAGES = {
    "s3": ("s3fs", "remote"), "gs": ("gcsfs", "gcs"), "az": ("adlfs", "azure"), "abfs": ("adlfs", "azure"),
    "http": ("aiohttp", "remote"), "https": ("aiohttp", "remote"), "hf": ("huggingface-hub", ""), "memory": ("fsspec", ""),
}  # fmt: skip
ADDRESS = re.compile(rf"({'|'.join(PACKAGES)})://?(?=[^/])")
PAGE = 16 << 10  # bytes of a file that are read at least
# This share of what a reader expects to read, or of what was read in a row, is read in advance: few requests, and few bytes too many.
AHEAD, MAX_AHEAD = 1 / 8, 4 << 20
# Pages of a file, and files, that stay in memory: voice and face read the same part one after the other.
PAGES, FILES = 1024, 4
RUNS = 16  # places in a file that are read in turns, such as its sound and its pictures
STATE = ("ETag", "etag", "md5Hash", "content_md5", "blob_id", "xet_hash")  # what libraries call the state of a file
CHANGED = ("LastModified", "last_modified", "updated", "Last-Modified", "created")


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
    """A path at an address. Whatever reads goes through fsspec, and raises OSError with a reason; nothing is written through it."""

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
        found = self._describe()
        kind = stat.S_IFDIR if found["type"] == "directory" else stat.S_IFREG
        time = _read_time(found)
        return os.stat_result((kind | 0o444, 0, 0, 1, 0, 0, found.get("size") or 0, time, time, time))

    def read_state(self) -> str:
        """A text that changes with the content of the file, as far as its server tells it."""
        return describe_state(self._describe())

    def _describe(self) -> dict[str, Any]:
        with translate_errors(str(self)):
            fs, path = find_file_system(str(self))
            found: dict[str, Any] = fs.info(path)
        return found

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
        with translate_errors(str(self)):
            fs, path = find_file_system(str(self))
            names = fs.ls(path, detail=False)
        yield from (each for each in map(self._name, sorted(names)) if each.parent == self)

    def rglob(self, pattern: str, **_: Any) -> Iterator["RemotePath"]:  # type: ignore[override]
        """All files and folders below whose names match."""
        with translate_errors(str(self)):
            fs, path = find_file_system(str(self))
            names = fs.find(path, withdirs=True)
        found = (self._name(name) for name in sorted(names))
        yield from (each for each in found if each.is_relative_to(self) and each.match(pattern))

    def _name(self, name: str) -> "RemotePath":
        """The path of a name that the library gives, which has the scheme only in a web address."""
        return RemotePath(name if "://" in name else f"{str(self).partition(':')[0]}://{name.lstrip('/')}")

    def glob(self, pattern: str, **_: Any) -> Iterator["RemotePath"]:  # type: ignore[override]
        """The files and folders whose path below this folder matches; only the folders on the way are listed."""
        own, slash, rest = pattern.partition("/")
        for each in self.iterdir() if self.is_dir() else ():
            if fnmatchcase(each.name, own):
                yield from each.glob(rest) if slash else [each]

    def open(self, mode: str = "r", *args: Any, **options: Any) -> Any:
        """The file for reading, in text mode or with `mode="rb"`."""
        if set(mode) - set("rbt"):
            self._refuse()
        found = self._describe()
        if found["type"] == "directory":
            raise IsADirectoryError(errno.EISDIR, "it is a folder", str(self))
        stream = io.BufferedReader(_Reader(_open_ranges(str(self), describe_state(found))))
        if "b" in mode:
            return stream
        buffering, *others = args or (-1,)
        options.pop("buffering", buffering)
        return io.TextIOWrapper(stream, *others, **options)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise OSError(errno.EROFS, "this cannot be written to an address: give a path on this machine", str(self))

    # Without these, `pathlib` would write to a folder "s3:" on this machine.
    mkdir = touch = unlink = rmdir = rename = replace = symlink_to = hardlink_to = chmod = _refuse


class _Ranges:
    """An open remote file; several readers share its pages in memory."""

    def __init__(self, address: str) -> None:
        self.address, self.lock = address, Lock()
        self.pages: OrderedDict[int, bytes] = OrderedDict()  # the one that was used last is the last
        self.runs: dict[int, int] = {}  # the page after what was read in a row, and how many pages that were
        with translate_errors(address):
            fs, path = find_file_system(address)
            self.file = fs.open(path, "rb", cache_type="none")
            self.size = int(self.file.size)

    def read(self, start: int, length: int, expected: int = 0) -> bytes:
        """`expected`: the bytes that the reader will read in a row; 0 if it is not known."""
        first, stop = start // PAGE, -(-(start + length) // PAGE)
        with self.lock, translate_errors(self.address):
            content = b"".join(self._get(page, stop, expected) for page in range(first, stop))
        return content[start - first * PAGE : start - first * PAGE + length]

    def _get(self, page: int, stop: int, expected: int) -> bytes:
        if page not in self.pages:
            self._fetch(page, stop, expected)
        self.pages.move_to_end(page)
        return self.pages[page]

    def _fetch(self, first: int, stop: int, expected: int) -> None:
        """Read the pages from `first` to `stop`, and some in advance, up to one that is in memory."""
        run = self.runs.pop(first, 0)
        ahead = (expected or run * PAGE) * AHEAD if run else 0
        if expected and expected - ahead < run * PAGE:  # near the end
            ahead = max(expected - run * PAGE, ahead / 2)
        stop = max(stop, first + int(min(ahead, MAX_AHEAD)) // PAGE)
        stop = next((page for page in range(first + 1, stop) if page in self.pages), stop)
        self.file.seek(first * PAGE)
        content = self.file.read((stop - first) * PAGE)
        for page in range(first, stop):
            self.pages[page] = content[(page - first) * PAGE : (page - first + 1) * PAGE]
        self.runs[stop] = run + stop - first
        while len(self.pages) > max(PAGES, stop - first):
            self.pages.popitem(last=False)
        while len(self.runs) > RUNS:
            self.runs.pop(next(iter(self.runs)))


class _Reader(io.RawIOBase):
    """A position in a remote file."""

    def __init__(self, ranges: _Ranges) -> None:
        self.ranges, self.position = ranges, 0
        self.expected = 0  # bytes that will be read in a row, where it is known

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
        content = self.ranges.read(self.position, length, self.expected) if length else b""
        buffer[: len(content)] = content
        self.position += len(content)
        return len(content)


@lru_cache(maxsize=FILES)
def _open_ranges(address: str, state: str) -> _Ranges:
    """`state` is part of the key: a file that has changed is read again."""
    return _Ranges(address)


def forget_files() -> None:
    """Forget what is in memory of remote files."""
    _open_ranges.cache_clear()


if hasattr(os, "register_at_fork"):
    # An open file needs the thread of fsspec, which a forked process does not have: it would wait for ever.
    os.register_at_fork(after_in_child=forget_files)


def _read_time(info: Mapping[str, Any]) -> int:
    """When a file was changed, in seconds since 1970; 0 where its server does not say it."""
    found: Any = next((info[name] for name in CHANGED if info.get(name)), None)
    with suppress(TypeError, ValueError):
        found = parsedate_to_datetime(found) if isinstance(found, str) else found
    return int(found.timestamp()) if isinstance(found, datetime) else 0


def describe_state(info: Mapping[str, Any]) -> str:
    """A text that changes with the content of a file, as far as its server tells it."""
    state = next((info[name] for name in STATE if info.get(name)), "")
    return f"{info.get('size')} {state or _read_time(info)}"


def find_file_system(address: str) -> tuple[Any, str]:
    """The file system of fsspec, and the path in it. Credentials are found as its library does it, such as in AWS_PROFILE."""
    import fsspec

    scheme = address.partition(":")[0]
    if scheme not in PACKAGES:
        raise OSError(errno.EINVAL, "no such kind of address", address)
    try:
        fs, path = fsspec.url_to_fs(address)
    except ImportError as error:
        package, extra = PACKAGES[scheme]
        needed = f"'mmerc[{extra}]'" if extra else package
        raise OSError(errno.EINVAL, f"{scheme}:// needs {package}: pip install {needed}", address) from error
    return fs, path


@contextmanager
def translate_errors(address: str, action: str = "read") -> Iterator[None]:
    """Turn what the libraries of fsspec raise into OSError with one sentence. `action`: read or write."""
    shown = address.partition("?")[0]  # without the signature
    try:
        yield
    except FileNotFoundError as error:
        if "Connect" in type(error.__cause__).__name__:  # of aiohttp
            raise OSError(errno.EHOSTUNREACH, "its server cannot be reached", shown) from error
        reason = "there is nothing at this address" if action == "read" else "there is no such bucket or folder"
        raise FileNotFoundError(errno.ENOENT, reason, shown) from error
    except PermissionError as error:
        reason = f"no rights to {action} it ({get_first_line(error)[:80]}): check the credentials"
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
        if "Connect" in type(error).__name__:
            raise OSError(errno.EHOSTUNREACH, "its server cannot be reached", shown) from error
        raise OSError(
            errno.EIO,
            f"it cannot be {'read' if action == 'read' else 'written'} ({type(error).__name__}: {get_first_line(error)[:120]})",
            shown,
        ) from error
