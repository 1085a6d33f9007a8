"""A pack that is a folder: `utterances.csv` (the columns of `table:`) and, for each signal, one file or folder of its name.

`NAME.npz`, `NAME.h5` or a folder `NAME` of .npy files hold an array [d] or [T, d] an utterance, under
`split/dialogue/utterance`, `dialogue/utterance` or `dialogue_utterance`; `NAME.csv` has the columns `dialogue`, `utterance`,
perhaps `split`, and numbers, a line a step. A name that several utterances answer to is nobody's.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile
from zlib import error as BadZlib

import numpy as np

from mmerc.corpora.arrays import usable_arrays
from mmerc.corpora.conversation import Corpus, Problem, Utterance
from mmerc.corpora.rows import read_rows
from mmerc.corpora.table import read_table, split_of
from mmerc.errors import CorpusError

DAMAGED = (OSError, ValueError, EOFError, MemoryError, OverflowError, BadZipFile, BadZlib)
TABLE = "utterances.csv"
Find = Callable[[str], Any]  # the array under a name, or None


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

    bearers = Counter(name for split in corpus.splits for turn in corpus.utterances(split) for name in _names(turn))
    torn: Counter[str] = Counter()  # utterances of a signal whose names leave open which one is meant

    def found_for(turn: Utterance, signal: str, source: Find) -> Any:
        named = [(name, array) for name in _names(turn) if (array := source(name)) is not None]
        own = [array for name, array in named if bearers[name] == 1]
        torn[signal] += bool(named) and not own
        return own[0] if own else None

    def with_signals(turn: Utterance) -> Utterance:
        return replace(
            turn, signals=usable_arrays((name, found_for(turn, name, source)) for name, source in sources.items())
        )

    splits = {
        split: tuple(replace(each, utterances=tuple(map(with_signals, each.utterances))) for each in dialogues)
        for split, dialogues in corpus.splits.items()
    }
    carried = {
        name for each in splits.values() for dialogue in each for turn in dialogue.utterances for name in turn.signals
    }
    what = "utterances share their names in it with others, in another split: name the split, too; not read"
    problems += [Problem("signal", name, f"{count} {what}") for name, count in torn.items() if count]
    lost = [name for name in sources if name not in carried and not torn[name]]
    problems += [Problem("signal", name, f"matches no utterance of {TABLE}") for name in lost]
    return replace(corpus, name=folder.name, splits=splits, problems=corpus.problems + tuple(problems))


def _names(turn: Utterance) -> tuple[str, str, str]:
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

    def find(name: str) -> Any:
        try:
            return arrays.get(name)
        except DAMAGED:
            return None  # objects, or damaged: this utterance lacks the signal

    return find


def _npy_folder(folder: Path) -> Find | None:
    there = {path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.npy")}

    def find(name: str) -> Any:
        try:
            return np.load(there[name], allow_pickle=False) if name in there else None
        except DAMAGED:
            return None  # this utterance lacks the signal

    return find if there else None


def _hdf5(file: Path) -> Find:
    try:
        import h5py
    except ImportError as error:
        raise CorpusError(f'{file} needs h5py: run `pip install "mmerc[hdf5]"`, or save it as NPZ.') from error
    opened = h5py.File(file, "r")

    def find(name: str) -> Any:
        try:
            found = opened.get(name)
            return found[()] if isinstance(found, h5py.Dataset) else None
        except DAMAGED:
            return None  # this utterance lacks the signal

    return find


def _csv(file: Path, problems: list[Problem]) -> Find:
    rows, complaints = read_rows(file, ("dialogue", "utterance"))
    problems += complaints
    steps: dict[str, list[list[float]]] = {}
    for number, row in enumerate(rows, start=2):
        split = [split_of(row)] if "split" in row else []
        name = "/".join([*split, row["dialogue"], row["utterance"]])
        numbers = [value for column, value in row.items() if column not in ("split", "dialogue", "utterance")]
        try:
            steps.setdefault(name, []).append([float(value) for value in numbers])
        except ValueError:
            problems.append(Problem("signal", f"{file.name} row {number}", "holds what is no number"))
    return lambda name: (
        np.squeeze(np.asarray(found, np.float32), 0 if len(found) == 1 else ()) if (found := steps.get(name)) else None
    )
