"""Files that stay open between the reads of their parts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mmerc.media.keeping import borrow, keep_open


class Reader:
    """Remembers whether it is closed."""

    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "talk.mp4"
    path.write_bytes(b"one")
    return path


def read(path: Path, kind: str = "sound", make: Callable[[], Reader] = Reader) -> Reader:
    with borrow(kind, path, make) as reader:
        assert not reader.is_closed
    return reader


def test_without_a_block_each_read_opens_and_closes(file: Path) -> None:
    first, second = read(file), read(file)
    assert first is not second and first.is_closed and second.is_closed


def test_a_reader_is_kept_to_the_end_of_the_block(file: Path) -> None:
    with keep_open():
        first, second = read(file), read(file)
        assert first is second and not first.is_closed
        assert read(file, "pictures") is not first
    assert first.is_closed


def test_another_file_and_a_changed_file_are_opened(file: Path, tmp_path: Path) -> None:
    (tmp_path / "other.mp4").write_bytes(b"two")
    with keep_open():
        first = read(file)
        assert read(tmp_path / "other.mp4") is not first and first.is_closed
        second = read(file)
        file.write_bytes(b"longer")
        assert read(file) is not second and second.is_closed


def test_two_readers_at_once_are_two(file: Path) -> None:
    with keep_open():
        with borrow("sound", file, Reader) as outer:
            inner = read(file)
            assert inner is not outer
        assert inner.is_closed and read(file) is outer


def test_after_an_error_a_reader_is_closed(file: Path) -> None:
    with keep_open():
        with pytest.raises(ValueError, match="damaged"), borrow("sound", file, Reader) as first:
            raise ValueError("damaged")
        assert first.is_closed and read(file) is not first


def test_a_file_that_is_absent_is_not_kept(tmp_path: Path) -> None:
    with keep_open():
        assert read(tmp_path / "no.mp4").is_closed
