"""Arrays with names, in the formats that people use: NPZ, HDF5, a folder of .npy or .csv files, a CSV file of numbers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile, ZipFile
from zlib import error as BadZlib

import numpy as np

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.packs.tool_csv import read_tool_csv
from mmerc.corpora.paths import explain_unreadable
from mmerc.corpora.readers.ids import parse_ids, parse_split
from mmerc.corpora.readers.rows import read_rows
from mmerc.errors import CorpusError

LEVELS = 3  # in a name at most: split, dialogue, utterance
ZIP = b"PK"  # the beginning of a file of this format
KEY_COLUMNS = ("split", "dialogue", "utterance")
# What NumPy, zipfile and h5py raise for a file with a changed byte. NumPy parses its headers as Python.
READ_ERRORS = (
    OSError, ValueError, EOFError, RuntimeError, MemoryError, OverflowError, SyntaxError, TokenError, BadZipFile, BadZlib
)  # fmt: skip


@dataclass(frozen=True)
class NamedArrays:
    """The arrays of a file or folder.

    Attributes:
        names: the names as the file has them.
        entries: what `load` treats as an array, by its name as the file has it and by its name with the corpus's split.
        load: reads one array.
    """

    names: list[str]
    entries: Mapping[str, Any]
    load: Callable[[Any], Any]

    def get(self, name: str) -> Any:
        """The array of that name; `None` where there is none, or where it is damaged or holds objects."""
        try:
            return self.load(self.entries[name]) if name in self.entries else None
        except READ_ERRORS:
            return None


def read_arrays(path: Path) -> tuple[NamedArrays | None, list[Problem]]:
    """The arrays of a file or folder; `None` where it has none of the formats.

    Raises:
        CorpusError: it has the name of such a file and cannot be read.
    """
    try:
        if path.is_dir():
            for ending, load in ((".npy", _load_npy), (".csv", read_tool_csv)):
                found = sorted(path.rglob(f"*{ending}"))
                if found:
                    names = (file.relative_to(path).as_posix().removesuffix(ending) for file in found)
                    return _index(dict(zip(names, found, strict=True)), load), []
        if path.suffix == ".npz":
            return _open_npz(path), []
        if path.suffix in {".h5", ".hdf5"}:
            return _open_hdf5(path), []
        if path.suffix == ".csv":
            return _read_csv(path)
    except READ_ERRORS as error:
        raise CorpusError(explain_unreadable(path, error)) from error
    return None, []


def normalise_split(name: str) -> str:
    """The name of an array with its split, if it has one, as the corpus names it.

    >>> normalise_split("validation/12/3"), normalise_split("Train/dia1_utt2"), normalise_split("12/3")
    ('dev/12/3', 'train/dia1_utt2', '12/3')
    """
    split, slash, rest = name.strip("/").partition("/")
    return f"{parse_split(split)}/{rest}" if slash else name


def _index(entries: Mapping[str, Any], load: Callable[[Any], Any]) -> NamedArrays:
    # The name as written counts before the other: a dialogue may be called "val".
    return NamedArrays(
        list(entries), {normalise_split(name): entry for name, entry in entries.items()} | dict(entries), load
    )


def _load_npy(file: Path) -> Any:
    return np.load(file, allow_pickle=False)


def _open_npz(file: Path) -> NamedArrays:
    with file.open("rb") as stream:
        if stream.read(len(ZIP)) == ZIP:
            ZipFile(stream).close()  # NumPy would leave a file open whose list of arrays is damaged
    arrays = np.load(file, allow_pickle=False)
    if not isinstance(arrays, np.lib.npyio.NpzFile):
        raise CorpusError(f"{file} holds one array without a name: save it with numpy.savez.")
    return _index({name: name for name in arrays.files}, arrays.__getitem__)


def _open_hdf5(file: Path) -> NamedArrays:
    try:
        import h5py
    except ImportError as error:
        raise CorpusError(f'{file} needs h5py: run `pip install "mmerc[hdf5]"`, or save it as NPZ.') from error

    def list_datasets(group: Any, prefix: str, depth: int) -> Iterator[str]:
        for name in group:  # iterates over keys, because a soft link is a key too
            found = group.get(name)
            if isinstance(found, h5py.Dataset):
                yield f"{prefix}{name}"
            elif isinstance(found, h5py.Group) and depth:
                yield from list_datasets(found, f"{prefix}{name}/", depth - 1)

    opened = h5py.File(file, "r")
    return _index({name: name for name in list_datasets(opened, "", LEVELS - 1)}, lambda name: opened[name][()])


def _read_csv(file: Path) -> tuple[NamedArrays, list[Problem]]:
    rows, problems = read_rows(file, ("dialogue", "utterance"))
    dialogues, utterances = (parse_ids(row[column] for row in rows) for column in ("dialogue", "utterance"))
    steps: dict[str, list[list[float]]] = {}
    for row in rows:
        split = [parse_split(row["split"])] if row.get("split") else []
        ids = (dialogues.get(row["dialogue"], ""), utterances.get(row["utterance"], ""))
        name = "/".join([*split, *map(str, ids)])
        numbers = [value for column, value in row.items() if column not in KEY_COLUMNS]
        try:
            steps.setdefault(name, []).append([float(value.replace(",", ".")) for value in numbers])
        except ValueError:
            problems.append(Problem("signal", f"{file.name} row {row.number}", "has a value that is not a number"))
    return _index({name: found for name, found in steps.items() if found}, _stack_steps), problems


def _stack_steps(steps: list[list[float]]) -> np.ndarray:
    """[T, d], or [d] where there is one step."""
    return np.asarray(steps[0] if len(steps) == 1 else steps, np.float64)
