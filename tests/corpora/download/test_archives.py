import io
import stat
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmerc.corpora.download import archives
from mmerc.corpora.download.archives import unpack_tar_member, unpack_zip
from mmerc.errors import CorpusError
from tests.corpora.download.published import pack_tar, pack_zip


def place(path: PurePosixPath) -> PurePosixPath | None:
    return PurePosixPath("kept", path.name) if path.suffix == ".wav" else None


def put(folder: Path, content: bytes) -> Path:
    (folder / "a.zip").write_bytes(content)
    return folder / "a.zip"


def test_wanted_members_get_our_names(tmp_path: Path) -> None:
    archive = put(tmp_path, pack_zip({"x/y/a.wav": b"1", "x\\b.wav": b"2", "x/c.txt": b"3", "again/a.wav": b"1"}))
    unpack_zip(archive, tmp_path / "out", place)
    assert {file.name: file.read_bytes() for file in (tmp_path / "out" / "kept").iterdir()} == {
        "a.wav": b"1",
        "b.wav": b"2",
    }


@pytest.mark.parametrize(
    "name", ["../a.wav", "x/../../a.wav", "/etc/a.wav", "..\\a.wav", "C:\\a.wav", "notes/../a.txt"]
)
def test_a_path_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError, match="leads out of its folder: this is not the published archive"):
        unpack_zip(put(tmp_path, pack_zip({name: b"1"})), tmp_path / "out", place)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    member = zipfile.ZipInfo("a.wav")
    member.external_attr = (kind | 0o644) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(CorpusError, match='has the link or device "a.wav"'):
        unpack_zip(tmp_path / "a.zip", tmp_path / "out", place)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = put(tmp_path, pack_zip({"a.wav": bytes(600), "b.wav": bytes(600), "c.txt": bytes(10_000)}))
    unpack_zip(archive, tmp_path / "enough", place, max_bytes=1200)
    with pytest.raises(CorpusError, match="larger than allowed when it is unpacked"):
        unpack_zip(archive, tmp_path / "out", place, max_bytes=1199)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    with pytest.raises(CorpusError, match="has 3 members, more than 2"):
        unpack_zip(archive, tmp_path / "more", place)


def test_two_different_files_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="has two different files kept/a.wav"):
        unpack_zip(put(tmp_path, pack_zip({"x/a.wav": b"1", "y/a.wav": b"2"})), tmp_path / "out", place)


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    content = bytearray(pack_zip({"a.wav": b"1"}))
    directory = content.index(b"PK\1\2")
    content[directory + 8] |= 1  # the flag of the encryption
    with pytest.raises(CorpusError, match="is encrypted"):
        unpack_zip(put(tmp_path, bytes(content)), tmp_path / "out", place)


def test_a_damaged_member_is_found(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.wav", b"content")
    with pytest.raises(CorpusError, match=r"is damaged \(Bad CRC-32"):
        unpack_zip(put(tmp_path, buffer.getvalue().replace(b"content", b"c0ntent")), tmp_path / "out", place)


@example(content=b"", cut=31)
@settings(max_examples=40)
@given(content=st.binary(max_size=200), cut=st.integers(0, 300))
def test_whatever_is_no_archive_is_one_sentence(
    content: bytes, cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    archive = put(folder, pack_zip({"a.wav": b"123"})[:cut] + content)
    try:
        unpack_zip(archive, folder / "out", place)
        assert (folder / "out" / "kept" / "a.wav").read_bytes() == b"123"
    except CorpusError as error:
        assert str(archive) in str(error)
    with pytest.raises(CorpusError, match="a.zip is damaged|a.zip has no file"):
        unpack_tar_member(archive, "x.csv", folder / "x.csv")


def test_one_member_of_a_tar_archive(tmp_path: Path) -> None:
    archive = put(tmp_path, pack_tar({"readme": b"x" * 100, "../../x.csv": b"1,2"}))
    unpack_tar_member(archive, "x.csv", tmp_path / "mine.csv")
    assert (tmp_path / "mine.csv").read_bytes() == b"1,2"
    with pytest.raises(CorpusError, match="has no file y.csv: this is not the published archive"):
        unpack_tar_member(archive, "y.csv", tmp_path / "y.csv")
    with pytest.raises(CorpusError, match="is larger than 50 bytes when it is unpacked"):
        unpack_tar_member(archive, "x.csv", tmp_path / "z.csv", max_bytes=50)


def test_a_link_in_a_tar_archive_is_not_followed(tmp_path: Path) -> None:
    link = tarfile.TarInfo("x.csv")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(tmp_path / "a.zip", "w:gz") as archive:
        archive.addfile(link)
    with pytest.raises(CorpusError, match="has no file x.csv"):
        unpack_tar_member(tmp_path / "a.zip", "x.csv", tmp_path / "x.csv")
