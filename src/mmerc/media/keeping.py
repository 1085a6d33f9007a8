"""Files that stay open between the reads of their parts.

The utterances of a recording are read one after the other. To open the file for each of them, and to decode again from the key frame
before it, is most of the work: key frames are often ten seconds apart, and an utterance takes three.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol, TypeVar

from mmerc.addresses import RemotePath


class Closeable(Protocol):
    """What can be kept."""

    def close(self) -> None:
        """Close the file."""


T = TypeVar("T", bound=Closeable)
Kept = dict[str, tuple[Any, Closeable]]  # by kind: what the file was when it was opened, and its reader
_kept: ContextVar[Kept | None] = ContextVar("kept", default=None)


@contextmanager
def keep_open() -> Iterator[None]:
    """Let the last file of each kind of reader stay open in a `with` block.

    It has an effect on this thread or task, and none on files that a decoder process reads.
    """
    kept: Kept = {}
    token = _kept.set(kept)
    try:
        yield
    finally:
        _kept.reset(token)
        for _, reader in kept.values():
            reader.close()


@contextmanager
def borrow(kind: str, path: Path, open_reader: Callable[[], T]) -> Iterator[T]:
    """The reader of a file for the length of a `with` block: one that was kept, or a new one.

    It is closed at the end, or kept for the next block inside of `keep_open`. After an error it is closed.
    """
    kept = None if isinstance(path, RemotePath) else _kept.get()
    state = _identify(path) if kept is not None else None
    reader = None
    if kept is not None and kind in kept:
        known, found = kept.pop(kind)
        if state is not None and known == state:
            reader = found
        else:
            found.close()
    if reader is None:
        reader = open_reader()
    try:
        yield reader  # type: ignore[misc]  # a kind of reader is always of one class
    except BaseException:  # also where a generator is left before its end
        reader.close()
        raise
    if kept is None or state is None or kept is not _kept.get():  # a generator may end after `keep_open`
        reader.close()
        return
    if kind in kept:  # two generators of one kind were read in turn
        kept.pop(kind)[1].close()
    kept[kind] = state, reader


def _identify(path: Path) -> tuple[Path, int, int] | None:
    """What changes when the file changes; None if there is no file."""
    try:
        state = path.stat()
    except OSError:
        return None
    return path, state.st_mtime_ns, state.st_size
