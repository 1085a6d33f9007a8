from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from mmerc.addresses import RemotePath
from mmerc.transfers import fetch_file, fetch_folder, remove, upload
from tests.file_server import FileServer, serve_files
from tests.object_stores import ObjectStore, ask_for_rights

STORE = RemotePath("memory://store")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path / "cache"))
    yield
    remove(STORE)


def write(folder: Path, **texts: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


def test_a_folder_is_copied_and_takes_the_place_of_another(tmp_path: Path) -> None:
    source = write(tmp_path / "model", config="1")
    write(source / "parts", a="2", b="3")
    upload(source, STORE / "model")
    assert sorted(str(each) for each in STORE.rglob("*") if each.is_file()) == [
        "memory://store/model/config", "memory://store/model/parts/a", "memory://store/model/parts/b",
    ]  # fmt: skip
    upload(write(tmp_path / "other", config="4"), STORE / "model")
    assert [each.name for each in (STORE / "model").iterdir()] == ["config"]
    remove(STORE / "model")
    assert not (STORE / "model").exists()
    remove(STORE / "model")


def test_the_files_of_the_top_are_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "put_file", lambda self, a, b: order.append(b))
    write(tmp_path / "s" / "text", shard="")
    upload(write(tmp_path / "s", description=""), STORE / "s")
    assert order == ["/store/s/text/shard", "/store/s/description"]


def test_a_file_is_copied_once_for_each_state() -> None:
    with serve_files(FileServer({"/a.arrow": b"one"})) as server:
        path = RemotePath(f"{server.url}/a.arrow")
        first = fetch_file(path)
        assert (first.name, first.read_bytes(), fetch_file(path)) == ("a.arrow", b"one", first)
        assert len(server.requests) == 1
        server.files["/a.arrow"], server.etag = b"two", '"2"'
        assert fetch_file(path).read_bytes() == b"two" and first.read_bytes() == b"one"
    assert fetch_file(Path("a.arrow")) == Path("a.arrow")


def test_only_files_of_the_patterns_are_copied(tmp_path: Path) -> None:
    source = write(tmp_path / "model", **{"config.json": "1", "code.py": "2"})
    write(source / "parts", **{"a.json": "3"})
    upload(source, STORE / "model")
    copy = fetch_folder(STORE / "model", ("*.json",))
    assert sorted(each.relative_to(copy).as_posix() for each in copy.rglob("*.*")) == ["config.json", "parts/a.json"]
    assert copy.name == "model" and fetch_folder(STORE / "model", ("*.json",)) == copy
    with pytest.raises(FileNotFoundError, match="there is nothing at this address"):
        fetch_folder(STORE / "none", ("*.json",))
    assert not list((tmp_path / "cache").rglob(".partial-*"))


def test_a_name_of_a_server_does_not_lead_out_of_the_cache(tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe({"/store/m/../../evil.json": b"x", "/store/m/a.json": b"y"})
    copy = fetch_folder(STORE / "m", ("*.json",))
    assert [each.name for each in copy.iterdir()] == ["a.json"] and not list(tmp_path.rglob("evil*"))


def test_an_address_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="files cannot be written to such an address"):
        upload(write(tmp_path / "a"), RemotePath("https://127.0.0.1:1/a"))


def test_a_bucket_that_is_absent_or_has_no_rights(s3: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    with pytest.raises(OSError, match="there is no such bucket or folder"):
        upload(tmp_path / "a", RemotePath("s3://none/a"))
    with ask_for_rights(s3), pytest.raises(PermissionError, match="no rights to write it .* check the credentials"):
        upload(tmp_path / "a", RemotePath("s3://bucket/a"))
    upload(tmp_path / "a", RemotePath("s3://bucket/a"))
    assert fetch_file(RemotePath("s3://bucket/a")).read_text() == "a"
