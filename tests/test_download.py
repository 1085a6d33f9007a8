import hashlib
import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmerc import download
from mmerc.download import download_file, find_difference
from mmerc.errors import DownloadError
from tests.file_server import FileServer, serve_files

BLOCK = download.BLOCK
CONTENT = bytes(range(256)) * 512  # eight blocks
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setattr(download, "PAUSE", 0.0)
    with serve_files(FileServer({"/a.zip": CONTENT})) as server:
        yield server


def list_files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize("checksum", [SHA256, f"md5:{hashlib.md5(CONTENT).hexdigest()}", None])
def test_a_file_is_downloaded_and_checked(server: FileServer, tmp_path: Path, checksum: str | None) -> None:
    reports: list[tuple[int, int | None]] = []
    target = tmp_path / "new" / "a.zip"
    found = download_file(
        f"{server.url}/a.zip", target, checksum=checksum, size=len(CONTENT), report=lambda *each: reports.append(each)
    )
    assert found == target and target.read_bytes() == CONTENT
    assert reports[-1] == (len(CONTENT), len(CONTENT)) and list_files(target.parent) == ["a.zip"]


def test_a_broken_connection_is_continued(server: FileServer, tmp_path: Path) -> None:
    server.breaks = [BLOCK + 1000, 500, 2 * BLOCK]
    download_file(f"{server.url}/a.zip", tmp_path / "a.zip", checksum=SHA256)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == ["", f"bytes={BLOCK}-", f"bytes={BLOCK}-", f"bytes={3 * BLOCK}-"]


@pytest.mark.parametrize("checksum", [SHA256, None])
def test_a_later_call_continues(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checksum: str | None
) -> None:
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    server.breaks = [2 * BLOCK + 10]
    with pytest.raises(DownloadError, match=r"/a.zip cannot be downloaded \(the connection broke"):
        download_file(f"{server.url}/a.zip", tmp_path / "a.zip", checksum=checksum)
    assert (tmp_path / "a.zip.part").read_bytes() == CONTENT[: 2 * BLOCK] and not (tmp_path / "a.zip").exists()
    download_file(f"{server.url}/a.zip", tmp_path / "a.zip", checksum=checksum)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert server.requests[-1][1] == f"bytes={2 * BLOCK}-" and list_files(tmp_path) == ["a.zip"]


def test_another_version_starts_again(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(b"of an older version")
    (tmp_path / "a.zip.part.version").write_text('"0"')
    download_file(f"{server.url}/a.zip", tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_part_of_an_unknown_version_starts_again(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(b"of whatever")
    download_file(f"{server.url}/a.zip", tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == CONTENT and server.requests == [("/a.zip", "")]


def test_a_server_without_ranges_starts_again(server: FileServer, tmp_path: Path) -> None:
    server.has_ranges, server.breaks = False, [2 * BLOCK]
    download_file(f"{server.url}/a.zip", tmp_path / "a.zip", checksum=SHA256)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


@pytest.mark.parametrize("kept", [CONTENT, CONTENT + b"more"])
def test_a_complete_part_is_renamed_and_a_longer_one_is_not_used(
    server: FileServer, tmp_path: Path, kept: bytes
) -> None:
    (tmp_path / "a.zip.part").write_bytes(kept)
    download_file(f"{server.url}/a.zip", tmp_path / "a.zip", checksum=SHA256)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server: FileServer, tmp_path: Path) -> None:
    server.statuses = [503, 429]
    download_file(f"{server.url}/a.zip", tmp_path / "a.zip")
    assert len(server.requests) == 3
    server.statuses = [503] * download.ATTEMPTS
    with pytest.raises(DownloadError, match=r"cannot be downloaded \(the server answers 503 Service Unavailable\)"):
        download_file(f"{server.url}/a.zip", tmp_path / "b.zip")


def test_a_file_that_the_server_does_not_have(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"/b.zip cannot be downloaded \(the server answers 404 Not Found\)"):
        download_file(f"{server.url}/b.zip", tmp_path / "b.zip")
    assert len(server.requests) == 1 and list_files(tmp_path) == []


def test_another_file_is_not_kept(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(
        DownloadError, match=r"gives another file than the published one \(it has SHA-256 .*… and not 0000"
    ):
        download_file(f"{server.url}/a.zip", tmp_path / "a.zip", checksum="sha256:" + "0" * 64)
    assert list_files(tmp_path) == []


def test_a_file_that_is_too_long_does_not_fill_the_disk(server: FileServer, tmp_path: Path) -> None:
    server.declares_size = False
    server.files["/a.zip"] = b"x" * (BLOCK * 4)
    with pytest.raises(DownloadError, match=rf"it has {BLOCK:,} bytes and not 10\)"):
        download_file(f"{server.url}/a.zip", tmp_path / "a.zip", size=10)
    assert list_files(tmp_path) == []


def test_a_full_disk_is_one_sentence(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("Usage", "free")(100))
    with pytest.raises(DownloadError, match=r"cannot be written \(131,072 bytes are needed\): free some space"):
        download_file(f"{server.url}/a.zip", tmp_path / "a.zip")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/none.pt", "nothing:none.pt"])
def test_an_address_that_cannot_be_reached_is_one_sentence(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError, match=f"^{url} cannot be downloaded"):
        download_file(url, tmp_path / "none.pt")


def test_a_difference_is_described(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert find_difference(tmp_path / "a", None) == ""
    assert find_difference(tmp_path / "a", None, 4) == "it has 3 bytes and not 4"
    assert find_difference(tmp_path / "a", "sha1:" + "0" * 40) == "it has SHA-1 a9993e364706… and not 000000000000…"
