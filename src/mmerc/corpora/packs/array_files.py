"""Arrays under names, as somebody may keep them: an NPZ, an HDF5 file, a folder of .npy files, a CSV of numbers.

The split in a name may have any spelling that a table may have.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile
from zlib import error as BadZlib

import numpy as np

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.readers.rows import read_rows
from mmerc.corpora.readers.table import split_of
from mmerc.errors import CorpusError

PARTS = 3  # of a name at most: split, dialogue, utterance
# Whatever NumPy, zipfile and h5py raise over a file in which a byte has changed; NumPy parses headers as Python.
DAMAGED = (
    OSError, ValueError, EOFError, RuntimeError, MemoryError, OverflowError, SyntaxError, TokenError, BadZipFile, BadZlib
)  # fmt: skip


@dataclass(frozen=True)
class Arrays:
    """`places`: where the array of a name lies, as `load` takes it, its split as it is written and as the corpus has it; `names`: as
    they are written."""

    names: list[str]
    places: Mapping[str, Any]
    load: Callable[[Any], Any]

    def get(self, name: str) -> Any:
        """The array of that name; None where there is none, or it is damaged or holds objects."""
        try:
            return self.load(self.places[name]) if name in self.places else None
        except DAMAGED:
            return None


def read_arrays(place: Path) -> tuple[Arrays | None, list[Problem]]:
    """What the file or folder holds; None where it is nothing of the kind.

    Raises:
        CorpusError: it should be, and cannot be read.
    """
    try:
        if place.is_dir():
            files = {path.relative_to(place).with_suffix("").as_posix(): path for path in sorted(place.rglob("*.npy"))}
            return (_named(files, _npy) if files else None), []
        if place.suffix == ".npz":
            return _npz(place), []
        if place.suffix in {".h5", ".hdf5"}:
            return _hdf5(place), []
        if place.suffix == ".csv":
            return _csv(place)
    except DAMAGED as error:
        raise CorpusError(f"{place} cannot be read ({str(error).splitlines()[0]}): is it whole?") from error
    return None, []


def normal(name: str) -> str:
    """The name with its split, if it has one, as the corpus has it.

    >>> normal("validation/12/3"), normal("Train/dia1_utt2"), normal("12/3")
    ('dev/12/3', 'train/dia1_utt2', '12/3')
    """
    split, slash, rest = name.strip("/").partition("/")
    return f"{split_of({'split': split})}/{rest}" if slash else name


def _named(places: Mapping[str, Any], load: Callable[[Any], Any]) -> Arrays:
    # As it is written comes last: a dialogue may be called "val".
    return Arrays(list(places), {normal(name): place for name, place in places.items()} | dict(places), load)


def _npy(file: Path) -> Any:
    return np.load(file, allow_pickle=False)


def _npz(file: Path) -> Arrays:
    arrays = np.load(file, allow_pickle=False)
    if not isinstance(arrays, np.lib.npyio.NpzFile):
        raise CorpusError(f"{file} holds one array and no names: save it with numpy.savez.")
    return _named({name: name for name in arrays.files}, arrays.__getitem__)


def _hdf5(file: Path) -> Arrays:
    try:
        import h5py
    except ImportError as error:
        raise CorpusError(f'{file} needs h5py: run `pip install "mmerc[hdf5]"`, or save it as NPZ.') from error

    def inside(group: Any, path: str, depth: int) -> Iterator[str]:
        for name in group:  # by its keys: a link is a name, too
            found = group.get(name)
            if isinstance(found, h5py.Dataset):
                yield f"{path}{name}"
            elif isinstance(found, h5py.Group) and depth:
                yield from inside(found, f"{path}{name}/", depth - 1)

    opened = h5py.File(file, "r")
    return _named({name: name for name in inside(opened, "", PARTS - 1)}, lambda name: opened[name][()])


def _csv(file: Path) -> tuple[Arrays, list[Problem]]:
    rows, problems = read_rows(file, ("dialogue", "utterance"))
    steps: dict[str, list[list[float]]] = {}
    for number, row in enumerate(rows, start=2):
        split = [split_of(row)] if row.get("split") else []
        name = "/".join([*split, row["dialogue"], row["utterance"]])
        numbers = [value for column, value in row.items() if column not in ("split", "dialogue", "utterance")]
        try:
            steps.setdefault(name, []).append([float(value.replace(",", ".")) for value in numbers])
        except ValueError:
            problems.append(Problem("signal", f"{file.name} row {number}", "holds what is no number"))
    return _named({name: found for name, found in steps.items() if found}, _steps), problems


def _steps(found: list[list[float]]) -> np.ndarray:
    """[T, d], or [d] where there is one step."""
    return np.asarray(found[0] if len(found) == 1 else found, np.float64)
