"""Files that a corpus names: paths as other systems write them, and Git LFS pointers in place of files."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from mmerc.addresses import RemotePath
from mmerc.errors import CorpusError, get_first_line
from mmerc.suffixes import AUDIO_SUFFIXES, VIDEO_SUFFIXES

# Of two clips of one utterance with different suffixes the first one counts: video has sound too.
CLIP_SUFFIXES = (
    *sorted(VIDEO_SUFFIXES, key=lambda suffix: (suffix != ".mp4", suffix)),
    *sorted(AUDIO_SUFFIXES, key=lambda suffix: (suffix != ".wav", suffix)),
)
LFS_HEADER = b"version https://git-lfs.github.com/spec/"
LFS_LARGEST = 1024  # bytes of a pointer at most, by its specification
LFS_REASON = "is a Git LFS pointer and not the file itself: run `git lfs pull`"


def is_lfs_pointer(file: Path) -> bool:
    """Whether Git LFS left a pointer in place of the file. False where it cannot be read."""
    try:
        if file.stat().st_size > LFS_LARGEST:
            return False
        with file.open("rb") as stream:
            return stream.read(len(LFS_HEADER)) == LFS_HEADER
    except (OSError, ValueError):
        return False


def refuse_lfs_pointer(file: Path) -> None:
    """Raises CorpusError: Git LFS left a pointer in place of the file."""
    if is_lfs_pointer(file):
        raise CorpusError(f"{file} {LFS_REASON}.")


def explain_unreadable(file: Path, error: Exception) -> str:
    """One sentence on a file that a library could not read: what is wrong and how to fix it."""
    if is_lfs_pointer(file):
        return f"{file} {LFS_REASON}."
    reason = getattr(error, "strerror", None) or get_first_line(error)
    if isinstance(error, PermissionError | IsADirectoryError | FileNotFoundError):
        return f"{file} cannot be read ({reason}): check the path and its permissions."
    remedy = "check the address" if isinstance(file, RemotePath) else "copy or export it again"
    return f"{file} cannot be read ({reason}): {remedy}."


def sort_clips(files: Iterable[Path]) -> list[Path]:
    """The files sorted so that the better clip of an utterance comes later: video after sound, a corrected clip of MELD's
    test split ("final_videos_test...") after the first one.

    >>> [file.name for file in sort_clips(map(Path, ["dia0_utt0.mp4", "dia0_utt0.wav"]))]
    ['dia0_utt0.wav', 'dia0_utt0.mp4']
    """
    ranks = {suffix: rank for rank, suffix in enumerate(reversed(CLIP_SUFFIXES), start=1)}
    return sorted(
        files,
        key=lambda file: (file.name.startswith("final_videos_test"), ranks.get(file.suffix.lower(), 0), file.name),
    )


class FileFinder:
    r"""Finds files below a folder by the paths that a table gives.

    A path is taken as written where it exists. Otherwise backslashes separate folders, and names that differ only in their
    Unicode normalisation (macOS writes NFD) or in upper and lower case are the same, as they are on Windows and macOS.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._listings: dict[Path, dict[str, list[Path]]] = {}

    def find(self, name: str) -> Path:
        """The resolved path of `name`; as written where no file matches. The caller checks that it is a file inside.

        Raises:
            OSError, RuntimeError, ValueError: it is no path, such as a name that is too long.
        """
        path = (self.root / name).resolve()
        if path.exists():
            return path
        portable = name.replace("\\", "/")
        other = (self.root / portable).resolve()
        if other.exists() or not other.is_relative_to(self.root):
            return other
        found = self.root
        for part in other.relative_to(self.root).parts:
            matches = self._list(found).get(normalise_name(part), [])
            if len(matches) != 1:  # several files that differ only in case: none of them is meant for certain
                return path
            found = matches[0]
        return found.resolve()

    def _list(self, folder: Path) -> dict[str, list[Path]]:
        if folder not in self._listings:
            names: dict[str, list[Path]] = {}
            if folder.is_dir():
                for path in folder.iterdir():
                    names.setdefault(normalise_name(path.name), []).append(path)
            self._listings[folder] = names
        return self._listings[folder]


def normalise_name(name: str) -> str:
    """A file's name as systems compare it that ignore case and Unicode normalisation.

    >>> normalise_name("Cafe\\u0301.MP4") == normalise_name("caf\\u00e9.mp4")
    True
    """
    return unicodedata.normalize("NFC", name).casefold()
