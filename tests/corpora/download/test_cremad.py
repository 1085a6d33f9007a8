from pathlib import Path

import pytest

from mmerc.corpora.download.cremad import unpack_cremad
from mmerc.corpora.download.sources import FileSource, RemoteFile
from mmerc.errors import CorpusError
from tests.corpora.download.published import make_pointer, pack_zip

FILES = (RemoteFile("a.zip", None), RemoteFile("AudioWAV", "http://127.0.0.1:9"))


def unpack(mirror: Path, content: bytes) -> dict[str, bytes]:
    folder = mirror / "cremad"
    folder.mkdir(exist_ok=True)
    (folder / "a.zip").write_bytes(pack_zip({"CREMA-D-master/AudioWAV/1001_DFA_ANG_XX.wav": content}))
    out = mirror.parent / "out"
    out.mkdir()
    unpack_cremad(FileSource("cremad", mirror.parent / "downloads"), FILES, out)
    return {file.name: file.read_bytes() for file in out.rglob("*.wav")}


def test_recordings_may_be_in_the_archive_itself(mirror: Path) -> None:
    assert unpack(mirror, b"RIFF") == {"1001_DFA_ANG_XX.wav": b"RIFF"}


def test_recordings_may_be_in_the_mirror(mirror: Path) -> None:
    (mirror / "cremad" / "AudioWAV").mkdir(parents=True)
    (mirror / "cremad" / "AudioWAV" / "1001_DFA_ANG_XX.wav").write_bytes(b"RIFF 2")
    assert unpack(mirror, make_pointer(b"RIFF 2")) == {"1001_DFA_ANG_XX.wav": b"RIFF 2"}


def test_a_pointer_without_a_hash_is_refused(mirror: Path) -> None:
    with pytest.raises(CorpusError, match="1001_DFA_ANG_XX.wav is a Git LFS pointer without hash and size"):
        unpack(mirror, make_pointer(b"")[:60])
