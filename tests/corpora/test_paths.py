import unicodedata
from pathlib import Path

import pytest

from mmerc.corpora.paths import LFS_HEADER, FileFinder, explain_unreadable, is_lfs_pointer

POINTER = LFS_HEADER + b"v1\noid sha256:4d7a\nsize 12345\n"


def test_a_pointer_of_git_lfs_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(POINTER)
    (tmp_path / "long.mp4").write_bytes(POINTER + bytes(2000))
    assert is_lfs_pointer(tmp_path / "clip.mp4")
    assert not is_lfs_pointer(tmp_path / "long.mp4") and not is_lfs_pointer(tmp_path / "none.mp4")
    assert explain_unreadable(tmp_path / "clip.mp4", ValueError("x")).endswith("run `git lfs pull`.")


def test_a_reason_is_one_line(tmp_path: Path) -> None:
    assert (
        explain_unreadable(Path("a.npz"), ValueError("bad\nmore"))
        == "a.npz cannot be read (bad): copy or export it again."
    )
    assert "check the path" in explain_unreadable(Path("a"), PermissionError(13, "Permission denied"))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", ["clips/café.mp4", "clips\\café.mp4", "Clips/CAFÉ.mp4", ".\\clips\\café.mp4"])
def test_paths_as_other_systems_write_them(tmp_path: Path, form: str, name: str) -> None:
    file = tmp_path / "clips" / unicodedata.normalize(form, "café.mp4")
    file.parent.mkdir()
    file.touch()
    for written in ("NFC", "NFD"):
        assert FileFinder(tmp_path).find(unicodedata.normalize(written, name)) == file.resolve()


def test_files_that_differ_in_case_alone_are_not_exchanged(tmp_path: Path) -> None:
    for name in ("a.mp4", "A.mp4"):
        (tmp_path / name).touch()
    finder = FileFinder(tmp_path)
    assert finder.find("A.mp4").name == "A.mp4"
    assert len(list(tmp_path.iterdir())) == 1 or not finder.find("a.MP4").exists()


def test_a_path_that_leads_out_stays_outside(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.mp4").touch()
    finder = FileFinder(tmp_path / "in")
    for name in ("../secret.mp4", "..\\secret.mp4", str(tmp_path / "secret.mp4")):
        assert not finder.find(name).is_relative_to(finder.root)
    (tmp_path / "in" / "Link.mp4").symlink_to(tmp_path / "secret.mp4")
    assert not finder.find("link.MP4").is_relative_to(finder.root)
