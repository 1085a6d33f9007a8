import errno
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest

from mmerc.addresses import RemotePath, make_path
from mmerc.corpora import Clip, open_corpus
from mmerc.errors import ClipNotFound, ClipUnreadable, CorpusError, MissingModality
from mmerc.inference.inputs import read_input
from mmerc.media import read_frames, read_waveform
from tests.file_server import FileServer, serve_files
from tests.media.clips import write_wav


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
    assert not (folder / "none").exists() and file.absolute() == file.expanduser() == file
    copy = pickle.loads(pickle.dumps(file))
    assert copy == file and isinstance(copy, RemotePath)
    with file.open("rb") as stream:
        assert (stream.seek(-3, os.SEEK_END), stream.read(), stream.seek(1), stream.read(2)) == (4, b"two", 1, b"ne")


def test_nothing_is_written_and_nothing_leads_out(folder: RemotePath) -> None:
    with pytest.raises(OSError, match="give a path on this machine"):
        (folder / "new.txt").write_text("x")
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
    file = write_wav(tmp_path / "long.wav", rng.uniform(-0.5, 0.5, (2, 4_800_000)), rate=48_000)
    server.files["/long.wav"] = file.read_bytes()
    part = Clip(make_path(f"{server.url}/long.wav"), 40.0, 50.0)
    wanted = len(server.files["/long.wav"]) / 10
    heard = read_waveform(part)
    assert np.array_equal(heard, read_waveform(Clip(file, 40.0, 50.0)))
    assert server.sent <= 1.3 * wanted
    before = server.sent
    read_waveform(part)  # the blocks are still in memory
    assert server.sent == before


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
