"""Which columns of a data set are the parts of an utterance, by their usual names, and which split a file is of."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmerc.errors import CorpusError

SPLIT = re.compile(r"(?:^|[-_.])(train|training|validation|valid|val|dev|development|test)(?:[-_.]|$)", re.IGNORECASE)
# The column of each role, by its usual names in their order of preference.
ROLES = {
    "text": ("text", "sentence", "transcription", "transcript", "content", "utterance"),
    "emotion": ("emotion", "label", "labels", "emotions"),
    "speaker": ("speaker", "speaker_id", "actor"),
    "dialogue": ("dialogue", "dialogue_id", "dialog_id", "conversation_id"),
    "utterance": ("utterance_id", "turn", "turn_id", "utterance_idx", "utterance"),
    "clip": ("clip", "audio", "video", "file", "path", "file_name"),
}


def find_split(file: Path, folder: Path) -> str:
    """The split that the name of a file, or of its folder, tells; `train` where none does.

    >>> find_split(Path("d/data/validation-00000-of-00001.parquet"), Path("d")), find_split(Path("d/x/test/0.parquet"), Path("d"))
    ('validation', 'test')
    """
    parts = [file.stem, *reversed(file.relative_to(folder).parts[:-1])] if file != folder else [file.stem]
    found = next(filter(None, map(SPLIT.search, parts)), None)
    return found[1].lower() if found else "train"


def name_columns(columns: Sequence[str], mapping: Mapping[str, str], where: str | Path) -> dict[str, str]:
    """The columns that are read, each with its name in `table:`: the role that it is chosen for, or else its own name.

    `mapping`: the column of a role, where it is not the usual one.

    >>> name_columns(["utterance", "label", "gender"], {}, "a.parquet")
    {'utterance': 'text', 'label': 'emotion', 'gender': 'gender'}
    >>> name_columns(["emotion", "mood"], {"emotion": "mood"}, "a.parquet")  # `emotion` is left out
    {'mood': 'emotion'}

    Raises:
        CorpusError: a column of `mapping` does not exist.
    """
    chosen: dict[str, str] = {}
    for role, names in ROLES.items():
        given = mapping.get(role)
        if given is not None and given not in columns:
            raise CorpusError(f"{where} has no column {given} for {role}: it has {', '.join(columns)[:200]}.")
        free = [name for name in names if name in columns and name not in {*mapping.values(), *chosen}]
        if given is not None or free:
            chosen[given if given is not None else free[0]] = role
    taken = set(chosen.values())
    return {name: chosen.get(name, name) for name in columns if name in chosen or name not in taken}


def check_roles(mapping: Mapping[str, str]) -> dict[str, str]:
    """The columns that a user gives for roles. Raises CorpusError: one is for something else than a role.

    >>> check_roles({"emotion": "mood"})
    {'emotion': 'mood'}
    """
    unknown = sorted(mapping.keys() - ROLES.keys())
    if unknown:
        raise CorpusError(f'"{unknown[0]}" is no part of an utterance: give the columns of {", ".join(ROLES)}.')
    return dict(mapping)


def complete_ids(row: dict[str, str], dialogue: str, turns: Counter[str]) -> None:
    """Give a row the ids that it lacks: `dialogue`, and as its utterance the number of the turn in its dialogue, which `turns` counts.

    >>> turns, rows = Counter(), [{}, {"utterance": "b"}, {}]
    >>> for row in rows:
    ...     complete_ids(row, "talk", turns)
    >>> [(row["dialogue"], row["utterance"]) for row in rows]
    [('talk', '0'), ('talk', 'b'), ('talk', '2')]
    """
    row["dialogue"] = row.get("dialogue") or dialogue
    row["utterance"] = row.get("utterance") or str(turns[row["dialogue"]])
    turns[row["dialogue"]] += 1
