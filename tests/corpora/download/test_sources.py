import hashlib
from pathlib import Path

import pytest

from mmerc.corpora.download.sources import CONNECTIONS, FileSource, RemoteFile
from mmerc.errors import DownloadError
from tests.file_server import FileServer


def make_file(name: str, content: bytes, url: str) -> RemoteFile:
    return RemoteFile(name, f"{url}/{name}", len(content), f"sha256:{hashlib.sha256(content).hexdigest()}")


def test_a_file_is_downloaded_once(server: FileServer, tmp_path: Path) -> None:
    server.files = {"/a.zip": b"abc"}
    source, file = FileSource("meld", tmp_path), make_file("a.zip", b"abc", server.url)
    assert not source.has(file)
    assert source.get(file) == source.get(file) == tmp_path / "a.zip" and source.has(file)
    assert len(server.requests) == 1
    (tmp_path / "a.zip").write_bytes(b"abd")  # it was damaged meanwhile
    assert source.get(file).read_bytes() == b"abc"


def test_many_files_are_downloaded_with_several_connections(server: FileServer, tmp_path: Path) -> None:
    contents = {f"/{number}.wav": b"%d" % number for number in range(3 * CONNECTIONS)}
    server.files = contents
    files = [make_file(path[1:], content, server.url) for path, content in contents.items()]
    paths = FileSource("cremad", tmp_path).get_many(files, "recordings")
    assert [path.read_bytes() for path in paths] == list(contents.values())
    assert FileSource("cremad", tmp_path).get_many([], "recordings") == []


def test_the_first_failure_stops_the_other_connections(server: FileServer, tmp_path: Path) -> None:
    server.files = {f"/{number}.wav": b"x" for number in range(1, 200)}
    files = [RemoteFile(f"{number}.wav", f"{server.url}/{number}.wav", 1) for number in range(200)]
    with pytest.raises(DownloadError, match="0.wav cannot be downloaded .*404"):
        FileSource("cremad", tmp_path).get_many(files, "recordings")
    assert len(server.requests) < 200


def test_a_file_from_the_mirror_is_copied_and_a_downloaded_one_linked(tmp_path: Path, mirror: Path) -> None:
    source = FileSource("meld", tmp_path / "downloads")
    (tmp_path / "downloads").mkdir()
    for folder, name in ((mirror, "a"), (tmp_path / "downloads", "b")):
        (folder / name).write_bytes(b"abc")
        source.place(folder / name, tmp_path / name)
        assert (tmp_path / name).read_bytes() == b"abc"
    assert (tmp_path / "a").stat().st_nlink == 1 and (tmp_path / "b").stat().st_nlink == 2
