"""A pack that is a folder: `utterances.csv` (the columns of `table:`) and, for each signal, one file or folder of its name.

`NAME.npz`, `NAME.h5` or a folder `NAME` of .npy files hold an array [d] or [T, d] an utterance, under
`split/dialogue/utterance`, `dialogue/utterance` or `dialogue_utterance`; `NAME.csv` has the columns `dialogue`, `utterance`
and numbers, a line a step.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile
from zlib import error as BadZlib

import numpy as np
import torch

from mmerc.corpora.conversation import Corpus, Problem, Utterance
from mmerc.corpora.rows import read_rows
from mmerc.corpora.table import read_table
from mmerc.errors import CorpusError

DAMAGED = (OSError, ValueError, EOFError, BadZipFile, BadZlib)
TABLE = "utterances.csv"
Find = Callable[[Utterance], Any]  # an utterance's array, or None


def read_pack_folder(folder: Path) -> Corpus:
    """Read `utterances.csv` and every signal beside it."""
    if not (folder / TABLE).is_file():
        raise CorpusError(f"{folder} holds no {TABLE} (dialogue, utterance, speaker, text, ...): add it.")
    corpus = read_table(folder / TABLE)
    sources: dict[str, Find] = {}
    problems: list[Problem] = []
    for place in sorted(folder.iterdir()):
        found = None if place.name == TABLE else _source(place, problems)
        if found is not None:
            sources[place.stem] = found
    if not sources:
        raise CorpusError(
            f"{folder} holds no features beside {TABLE}: add NAME.npz, NAME.h5, NAME.csv or a folder NAME."
        )

    def with_signals(turn: Utterance) -> Utterance:
        return replace(turn, signals=finite_arrays((name, source(turn)) for name, source in sources.items()))

    splits = {
        split: tuple(replace(each, utterances=tuple(map(with_signals, each.utterances))) for each in dialogues)
        for split, dialogues in corpus.splits.items()
    }
    carried = {
        name for each in splits.values() for dialogue in each for turn in dialogue.utterances for name in turn.signals
    }
    problems += [Problem("signal", name, f"matches no utterance of {TABLE}") for name in sources if name not in carried]
    return replace(corpus, name=folder.name, splits=splits, problems=corpus.problems + tuple(problems))


def _keys(turn: Utterance) -> tuple[str, str, str]:
    return "/".join(turn.key), "/".join(turn.key[1:]), "_".join(turn.key[1:])


def _source(place: Path, problems: list[Problem]) -> Find | None:
    """What finds an utterance's array in this file or folder; None where it is no features."""
    try:
        if place.is_dir():
            return _npy_folder(place)
        if place.suffix == ".npz":
            return _npz(place)
        if place.suffix in {".h5", ".hdf5"}:
            return _hdf5(place)
        if place.suffix == ".csv":
            return _csv(place, problems)
    except DAMAGED as error:
        raise CorpusError(f"{place} cannot be read ({str(error).splitlines()[0]}): is it whole?") from error
    return None


def _npz(file: Path) -> Find:
    arrays = np.load(file, allow_pickle=False)

    def find(turn: Utterance) -> Any:
        try:
            return next((arrays[key] for key in _keys(turn) if key in arrays), None)
        except DAMAGED:
            return None  # objects, or damaged: this utterance lacks the signal

    return find


def _npy_folder(folder: Path) -> Find | None:
    there = {path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.npy")}

    def find(turn: Utterance) -> Any:
        path = next((there[key] for key in _keys(turn) if key in there), None)
        try:
            return None if path is None else np.load(path, allow_pickle=False)
        except DAMAGED:
            return None  # this utterance lacks the signal

    return find if there else None


def _hdf5(file: Path) -> Find:
    try:
        import h5py
    except ImportError as error:
        raise CorpusError(f'{file} needs h5py: run `pip install "mmerc[hdf5]"`, or save it as NPZ.') from error
    opened = h5py.File(file, "r")

    def find(turn: Utterance) -> Any:
        try:
            found = next((opened[key] for key in _keys(turn) if key in opened), None)
            return found[()] if isinstance(found, h5py.Dataset) else None
        except DAMAGED:
            return None  # this utterance lacks the signal

    return find


def _csv(file: Path, problems: list[Problem]) -> Find:
    rows, complaints = read_rows(file, ("dialogue", "utterance"))
    problems += complaints
    steps: dict[tuple[str, str], list[list[float]]] = {}
    for number, row in enumerate(rows, start=2):
        key = row.pop("dialogue"), row.pop("utterance")
        row.pop("split", None)
        try:
            steps.setdefault(key, []).append([float(value) for value in row.values()])
        except ValueError:
            problems.append(Problem("signal", f"{file.name} row {number}", "holds what is no number"))
    return lambda turn: (
        np.squeeze(np.asarray(found, np.float32), 0 if len(found) == 1 else ())
        if (found := steps.get(turn.key[1:]))
        else None
    )


def finite_arrays(found: Iterable[tuple[str, Any]]) -> dict[str, object]:
    """Those that are finite vectors or sequences of them."""
    arrays: dict[str, object] = {}
    for name, value in found:
        try:
            plain = value.detach().float() if isinstance(value, torch.Tensor) else value
            array = np.asarray([] if plain is None else plain)
        except ValueError:  # a list of unequal rows
            continue
        with np.errstate(over="ignore"):
            array = array.astype(np.float32) if array.dtype.kind in "fiub" else np.zeros(0)
        if array.ndim in (1, 2) and array.size and np.isfinite(array).all():
            arrays[name] = array
    return arrays
