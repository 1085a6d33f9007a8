import errno
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fsspec.registry import _registry

from mmerc.addresses import RemotePath, make_path
from mmerc.corpora import Clip, open_corpus
from mmerc.errors import ClipNotFound, ClipUnreadable, CorpusError, MissingModality
from mmerc.inference.inputs import Recording, list_input, read_input
from mmerc.media import read_frames, read_waveform
from tests.file_server import FileServer, serve_files
from tests.hub_server import HubServer, serve_hub
from tests.media.clips import write_wav
from tests.object_stores import AzureHandler, GoogleHandler, ObjectStore, ask_for_rights, name_azure

CONTENT = np.random.default_rng(0).bytes(500_000)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve_files(FileServer(latency=0.05)) as server:
        yield server


@pytest.fixture
def folder() -> Iterator[RemotePath]:
    memory = fsspec.filesystem("memory")
    memory.pipe({"/talks/a.txt": b"one\ntwo", "/talks/sub/b.txt": b"", "/other/c.txt": b""})
    path = make_path("memory://talks")
    assert isinstance(path, RemotePath)
    yield path
    memory.rm("/talks", recursive=True)
    memory.rm("/other", recursive=True)


def test_a_remote_path_is_a_path(folder: RemotePath) -> None:
    file = folder / "a.txt"
    assert (str(file), file.name, file.suffix, file.parent == folder) == ("memory://talks/a.txt", "a.txt", ".txt", True)
    assert (file.read_text(), file.read_bytes(), file.stat().st_size) == ("one\ntwo", b"one\ntwo", 7)
    assert [each.name for each in folder.iterdir()] == ["a.txt", "sub"] and folder.is_dir() and file.is_file()
    assert [each.name for each in folder.rglob("*.txt")] == ["a.txt", "b.txt"]
    assert [each.name for each in folder.glob("*.txt")] == ["a.txt"]
    assert [str(each) for each in folder.glob("s*")] == ["memory://talks/sub"]
    assert [str(each) for each in folder.glob("*/b.*")] == ["memory://talks/sub/b.txt"]
    assert list((folder / "none").glob("*")) == []
    assert not (folder / "none").exists() and file.absolute() == file.expanduser() == file
    copy = pickle.loads(pickle.dumps(file))
    assert copy == file and isinstance(copy, RemotePath)
    with file.open("rb") as stream:
        assert (stream.seek(-3, os.SEEK_END), stream.read(), stream.seek(1), stream.read(2)) == (4, b"two", 1, b"ne")


def test_nothing_is_written_and_nothing_leads_out(folder: RemotePath) -> None:
    for write in (lambda: (folder / "new.txt").write_text("x"), lambda: (folder / "new").mkdir(parents=True)):
        with pytest.raises(OSError, match="give a path on this machine"):
            write()
    assert not (folder / "../other/c.txt").resolve().is_relative_to(folder)
    assert not (folder / "/etc/passwd").is_relative_to(folder)
    with pytest.raises(OSError, match="no such kind of address"):
        (folder / "/etc/passwd").open("rb")
    assert type(make_path("file:///etc/passwd")) is type(Path()) and make_path("~") == Path.home()


def test_a_signed_address_keeps_its_signature_to_itself() -> None:
    path = make_path("http://127.0.0.1:1/a/talk.mp4?signature=secret")
    assert (path.name, path.suffix, path.stem) == ("talk.mp4", ".mp4", "talk")
    with pytest.raises(OSError) as caught:
        path.stat()
    assert "secret" not in str(caught.value) and caught.value.errno == errno.EHOSTUNREACH


def test_a_part_of_a_recording_costs_the_bytes_of_this_part(server: FileServer, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    file = write_wav(tmp_path / "long.wav", rng.uniform(-0.5, 0.5, (1, 4_800_000)), rate=48_000)  # 100 s
    server.files["/long.wav"] = file.read_bytes()
    part = Clip(make_path(f"{server.url}/long.wav"), 40.0, 50.0)
    heard = read_waveform(part)
    assert np.array_equal(heard, read_waveform(Clip(file, 40.0, 50.0)))
    assert server.sent <= 1.1 * len(server.files["/long.wav"]) / 10
    assert len(server.requests) <= 20
    before = server.sent
    read_waveform(part)  # the blocks are still in memory
    assert server.sent == before


def test_what_is_read_in_a_row_is_read_in_advance_and_kept(server: FileServer) -> None:
    server.latency = 0.0
    server.files["/a.bin"] = CONTENT
    with make_path(f"{server.url}/a.bin").open("rb") as stream:
        for start in (0, 400_000, 0):
            stream.seek(start)
            assert stream.read(100) == CONTENT[start : start + 100]
    assert [wanted for _, wanted in server.requests] == ["bytes=0-16383", "bytes=393216-409599"]
    with make_path(f"{server.url}/a.bin").open("rb") as stream:
        stream.raw.expected = 320_000
        assert b"".join(stream.read(8_000) for _ in range(25)) == CONTENT[:200_000]
    lengths = [
        int(last) - int(first) + 1 for _, wanted in server.requests[2:] for first, last in [wanted[6:].split("-")]
    ]
    assert lengths == [32768] * 6  # an eighth of what is expected, in whole pages


def test_video_is_the_same_as_from_a_file(server: FileServer, small_corpus: Path) -> None:
    clip = next(each for each in sorted(small_corpus.rglob("*.mp4")) if each.stat().st_size > 10_000)
    server.files["/a.mp4"] = clip.read_bytes()
    remote = Clip(make_path(f"{server.url}/a.mp4"))
    assert np.array_equal(read_frames(remote, 3).images, read_frames(Clip(clip), 3).images)
    (dialogue,), _ = read_input(f"{server.url}/a.mp4")
    assert [each.clip for each in dialogue.utterances] == [remote]


def test_what_cannot_be_read_is_a_reason(server: FileServer, tmp_path: Path) -> None:
    server.files["/a.wav"] = write_wav(tmp_path / "a.wav", 0.5 * np.ones((1, 400_000))).read_bytes()
    with pytest.raises(ClipNotFound, match="none.wav is absent"):
        read_waveform(Clip(make_path(f"{server.url}/none.wav")))
    server.has_ranges = False
    with pytest.raises(ClipUnreadable, match="a.wav cannot be .*its server sends no ranges: download the file"):
        read_waveform(Clip(make_path(f"{server.url}/a.wav")))
    with pytest.raises(ClipUnreadable, match="its server cannot be reached"):
        read_waveform(Clip(make_path("http://127.0.0.1:1/a.wav")))
    server.forbidden.add("/secret.wav")
    with pytest.raises(MissingModality, match="secret.wav"):
        read_waveform(Clip(make_path(f"{server.url}/secret.wav")))
    with pytest.raises(CorpusError, match="none.mp4 cannot be read"):
        read_input(f"{server.url}/none.mp4")


def test_a_corpus_at_an_address_reads_below_it_only(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    sound = write_wav(tmp_path / "a.wav", 0.5 * np.ones((1, 16_000))).read_bytes()
    table = b"dialogue,utterance,speaker,text,clip\n1,0,A,Yes.,a.wav\n1,1,A,No.,../a.wav\n1,2,A,Well.,memory://a.wav\n"
    memory.pipe({"/corpus/t.csv": table, "/corpus/a.wav": sound, "/a.wav": sound})
    try:
        remote = open_corpus("table:memory://corpus/t.csv")
        clips = [each.clip for split in remote.splits for each in remote.utterances(split)]
        paths = [str(clip.path) if clip else None for clip in clips]
        assert paths == ["memory://corpus/a.wav", None, "memory://corpus/memory:/a.wav"]
        (tmp_path / "t.csv").write_bytes(table)
        local = open_corpus(f"table:{tmp_path / 't.csv'}")
        clips = [each.clip for split in local.splits for each in local.utterances(split)]
        assert not any(isinstance(clip.path, RemotePath) for clip in clips if clip)
    finally:
        memory.rm("/corpus", recursive=True)
        memory.rm("/a.wav")


def read_part(path: Path) -> bytes:
    with path.open("rb") as stream:
        stream.seek(200_000)
        return stream.read(1_000)


def test_s3_is_read_in_ranges_with_the_credentials_of_the_environment(s3: ObjectStore, tmp_path: Path) -> None:
    fs = fsspec.filesystem("s3")
    file = write_wav(tmp_path / "long.wav", np.random.default_rng(0).uniform(-0.5, 0.5, (1, 2_400_000)), rate=48_000)
    fs.pipe_file("bucket/talks/long.wav", file.read_bytes())
    s3.sent = 0
    path = make_path("s3://bucket/talks/long.wav")
    assert np.array_equal(read_waveform(Clip(path, 20.0, 30.0)), read_waveform(Clip(file, 20.0, 30.0)))
    assert s3.sent <= 1.1 * file.stat().st_size / 5
    assert [each.name for each in path.parent.iterdir()] == ["long.wav"]
    assert [part.file for part in list_input("s3://bucket/talks")[0] if isinstance(part, Recording)] == [path]


def test_a_bucket_without_rights_and_a_store_that_refuses(s3: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec.filesystem("s3").pipe_file("bucket/secret.wav", b"RIFF")
    with ask_for_rights(s3), pytest.raises(MissingModality, match="no rights to read it .forbidden.: check the cred"):
        read_waveform(Clip(make_path("s3://bucket/secret.wav")))
    with pytest.raises(CorpusError, match="s3://bucket/none.wav cannot be read .there is nothing at this address"):
        list_input("s3://bucket/none.wav")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(CorpusError, match="secret.wav cannot be read .its server cannot be reached.: check the add"):
        list_input("s3://bucket/secret.wav")
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_google_cloud_storage_is_read_in_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_files(FileServer({"/bucket/a/x.bin": CONTENT}), GoogleHandler) as store:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", store.url)
        path = make_path("gs://bucket/a/x.bin")
        assert (path.stat().st_size, read_part(path)) == (500_000, CONTENT[200_000:201_000])
        assert store.sent == 16 << 10 and [str(each) for each in path.parent.iterdir()] == [str(path)]
        assert not (path.parent / "none").exists()


def test_azure_is_read_in_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_files(FileServer({"/talks/a/x.bin": CONTENT}), AzureHandler) as store:
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", name_azure(store.url))
        path = make_path("az://talks/a/x.bin")
        assert (path.stat().st_size, read_part(path)) == (500_000, CONTENT[200_000:201_000])
        assert store.sent == 16 << 10 and [str(each) for each in path.parent.iterdir()] == [str(path)]
        assert not (path.parent / "none").exists()


def test_the_hub_is_read_in_ranges() -> None:
    code = "import sys; from mmerc.addresses import make_path; stream = make_path(sys.argv[1]).open('rb'); stream.seek(200_000); print(stream.read(1000).hex())"
    with serve_hub(HubServer({"someone/talks": {"a/x.bin": CONTENT}})) as hub:
        environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
        command = [sys.executable, "-c", code, "hf://someone/talks/a/x.bin"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert done.stdout == CONTENT[200_000:201_000].hex() + "\n", done.stderr


@pytest.mark.parametrize(
    ("address", "module", "needed"),
    [
        ("s3://bucket/a.wav", "s3fs", "s3:// needs s3fs: pip install 'mmerc[remote]'"),
        ("gs://bucket/a.wav", "gcsfs", "gs:// needs gcsfs: pip install 'mmerc[gcs]'"),
        ("az://talks/a.wav", "adlfs", "az:// needs adlfs: pip install 'mmerc[azure]'"),
    ],
)
def test_without_its_library_one_sentence_says_what_to_install(
    address: str, module: str, needed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(_registry, address.partition(":")[0], raising=False)  # of the libraries that were found
    with pytest.raises(CorpusError) as caught:
        list_input(address)
    assert needed in str(caught.value)
