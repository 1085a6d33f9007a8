"""`pack:PATH[?role=place&...]`: features that somebody has already, as a corpus whose utterances carry them as signals.

A folder is read by `pack_folder`. A pickle (or torch file) is a tuple of dictionaries keyed by dialogue, or a dictionary of
splits of stacked arrays. The known layouts need no map; for any other, `role=place` says where a role lies: its number in
the tuple, its name in the dictionary. Roles are `ids`, `speakers`, `labels`, `sentences`, `train`, `dev`, `test`; any other
name is a signal. `names=a,b,...` names the labels 0, 1, ...
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmerc.corpora.dialogue import SPLITS, Corpus, Utterance, gather, replace_surrogates
from mmerc.corpora.packs.arrays import usable_arrays
from mmerc.corpora.packs.folder import TABLE, read_pack_folder
from mmerc.corpora.packs.pickles import ENDINGS, TORCH_ENDINGS, read_pickle
from mmerc.corpora.readers.table import identity
from mmerc.emotions import ALIASES, SEVEN, LabelSet
from mmerc.errors import CorpusError

# What a stranger's containers raise where others are expected.
UNFIT = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError)
ROLES = ("ids", "speakers", "labels", "sentences", *SPLITS)
MELD_NAMES = ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger")  # the order of its labels there
IEMOCAP_NAMES = ("happy", "sad", "neutral", "angry", "excited", "frustrated")
_START = ("ids", "speakers", "labels", "text")
_END = ("sentences", "train", "test")
_ROBERTA = ("text2", "text3", "text4")
# Tuples by their length and whether a dictionary closes them (in MELD's: the three sentiments, not read).
LAYOUTS: dict[tuple[int, bool], tuple[str, ...]] = {
    (9, True): (*_START, "audio", *_END),  # DialogueRNN, MELD
    (9, False): (*_START, "audio", "face", *_END),  # DialogueRNN, MMGCN, IEMOCAP
    (10, True): (*_START, "audio", "face", *_END),  # MMGCN, MELD
    (12, False): (*_START, *_ROBERTA, "audio", "face", *_END),  # the same with four RoBERTa layers, IEMOCAP
    (13, True): (*_START, *_ROBERTA, "audio", "face", *_END),  # and MELD
}
SPLIT_NAMES = {"train": "train", "valid": "dev", "dev": "dev", "val": "dev", "test": "test"}
STACKED = {  # role -> names under which a split's dictionary may hold it, the first that is there
    "ids": ("id", "ids"),
    "labels": ("classification_labels", "labels"),
    "sentences": ("raw_text",),
    "text": ("text",),
    "audio": ("audio",),
    "face": ("vision", "face", "video"),
}
SEPARATOR = "$_$"  # between video and clip in the ids of stacked arrays


def read_pack(path: Path, places: Mapping[str, str] | None = None) -> Corpus:
    """Read a folder or a file; `places` are the roles that its location maps.

    Raises:
        CorpusError: it is neither, a role lies where nothing is, or it holds no utterance.
    """
    places = places or {}
    if path.is_dir():
        if places:
            raise CorpusError(f"{path} is a folder, whose files are named by their roles: leave the map out.")
        return read_pack_folder(path)
    if path.suffix.lower() not in ENDINGS | TORCH_ENDINGS:
        raise CorpusError(f"{path} is neither a folder with {TABLE} nor a pickle or torch file: give one of these.")
    content = read_pickle(path)
    names: tuple[str, ...] = ()
    try:
        if isinstance(content, Mapping):
            turns = _stacked(path, content, places)
        elif isinstance(content, Sequence) and not isinstance(content, str | bytes):
            turns, names = _keyed(path, content, places)
        else:
            raise CorpusError(
                f"{path} holds a {type(content).__name__}: a tuple or dictionary of features is expected."
            )
    except UNFIT as error:
        raise CorpusError(f"{path}: its parts do not fit one another ({error}): correct the map.") from error
    if not turns:
        raise CorpusError(f"{path} holds no utterance in any split: check the map.")
    if "names" in places:
        names = tuple(replace_surrogates(name.strip().lower()) for name in places["names"].split(","))
    labels, turns = _labelled(path, turns, names)
    splits, duplicates = gather(turns)
    return Corpus(path.stem, labels, splits, tuple(duplicates))


# ---- a tuple of dictionaries keyed by dialogue ----------------------------------------------------------------------


def _keyed(path: Path, content: Sequence[Any], places: Mapping[str, str]) -> tuple[list[Utterance], tuple[str, ...]]:
    layout = LAYOUTS.get((len(content), isinstance(content[-1], Mapping) if content else False))
    if not places and layout is None:
        raise CorpusError(
            f"{path} is a tuple of {len(content)}, no known layout: say what lies where, such as "
            "--map labels=2 --map text=3 --map train=7 --map test=8."
        )
    numbers = dict(zip(layout or (), range(len(content)), strict=False))
    for role, where in places.items():
        if role != "names":
            numbers[role] = _number(path, role, where, len(content))
    parts = {role: content[number] for role, number in numbers.items()}
    signals = {role: part for role, part in parts.items() if role not in ROLES}
    for role in ("labels", "sentences", "speakers", "ids", *signals):
        if role in parts and not isinstance(parts[role], Mapping):
            raise CorpusError(
                f"{path}: at {numbers[role]}, where {role} should lie, is no dictionary: correct the map."
            )
    if not signals:
        raise CorpusError(f"{path}: no signal is mapped: add one, such as --map text=3.")
    first = next(iter(signals.values()))
    turns = []
    for split in SPLITS:
        for dialogue in _sorted(parts.get(split, ())):
            count = len(first.get(dialogue, ()))
            for place in range(count):
                turns.append(
                    Utterance(
                        split,
                        identity(_text(dialogue)),
                        place,
                        speaker=_speaker(_at(parts.get("speakers"), dialogue, place)),
                        text=_text(_at(parts.get("sentences"), dialogue, place)) or None,
                        emotion=_raw(_at(parts.get("labels"), dialogue, place)),
                        source=_text(_at(parts.get("ids"), dialogue, place)) or _text(dialogue),
                        signals=usable_arrays((name, _at(part, dialogue, place)) for name, part in signals.items()),
                    )
                )
    known = MELD_NAMES if isinstance(content[-1], Mapping) else IEMOCAP_NAMES
    return turns, known if layout and not places else ()


def _number(path: Path, role: str, place: str, count: int) -> int:
    if not place.isdecimal() or int(place) >= count:
        raise CorpusError(f"{path}: {role}={place} is no place in a tuple of {count}: give a number from 0.")
    return int(place)


def _sorted(dialogues: Any) -> list[Any]:
    return sorted(list(dialogues), key=lambda name: (isinstance(name, str), name))


def _at(part: Any, dialogue: Any, place: int) -> Any:
    row = part.get(dialogue, ()) if part is not None else ()
    return row[place] if place < len(row) else None


def _speaker(value: Any) -> str:
    """A name, or the number of the one in a one-hot vector."""
    if value is None or isinstance(value, str | bytes):
        return _text(value)
    vector = np.asarray(value)
    return f"speaker {int(vector.argmax())}" if vector.ndim and vector.size > 1 else f"speaker {vector.item()}"


# ---- a dictionary of splits of stacked arrays -----------------------------------------------------------------------


def _stacked(path: Path, content: Mapping[Any, Any], places: Mapping[str, str]) -> list[Utterance]:
    splits = {
        SPLIT_NAMES[key]: part for key, part in content.items() if key in SPLIT_NAMES and isinstance(part, Mapping)
    }
    if not splits:
        found = ", ".join(str(key) for key in list(content)[:8])
        raise CorpusError(f"{path} has the keys {found}: train, valid and test are expected, or a tuple.")
    turns = []
    for split, part in splits.items():
        columns = {role: part[name] for role, names in STACKED.items() for name in names[::-1] if name in part}
        for role, name in places.items():
            if role == "names":
                continue
            if name not in part:
                raise CorpusError(f"{path}: its {split} split has no {name} for {role}: correct the map.")
            columns[role] = part[name]
        signals = {role: column for role, column in columns.items() if role not in ROLES}
        if not signals:
            raise CorpusError(
                f"{path}: its {split} split has none of text, audio, vision: map one, such as --map text=bert."
            )
        for place in range(min(len(column) for column in columns.values())):
            dialogue, utterance = _names(columns.get("ids"), place)
            turns.append(
                Utterance(
                    split,
                    dialogue,
                    utterance,
                    speaker=str(dialogue),
                    text=_text(columns["sentences"][place]) or None if "sentences" in columns else None,
                    emotion=_raw(columns["labels"][place]) if "labels" in columns else None,
                    source=str(dialogue),
                    signals=usable_arrays((name, column[place]) for name, column in signals.items()),
                )
            )
    return turns


def _names(ids: Any, place: int) -> tuple[int | str, int | str]:
    """Dialogue and utterance of a row: `video$_$clip`, `video[clip]`, or [video, start, end]."""
    if ids is None:
        return place, 0
    value = ids[place]
    if not isinstance(value, str | bytes) and len(np.shape(value)) and len(value) > 1:
        return _text(value[0]), place
    text = _text(np.asarray(value).ravel()[0])
    for left, right in ((SEPARATOR, ""), ("[", "]")):
        video, found, clip = text.rpartition(left)
        if found:
            return video, identity(clip.removesuffix(right))
    return text, place


# ---- what both have in common ---------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    """What stands there as text; bytes are UTF-8, and nothing is empty."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    return "" if value is None else str(value).strip()


def _raw(value: Any) -> str | None:
    """A label as text; a number as a whole one, that of the largest where there are several; no number is no label."""
    if isinstance(value, torch.Tensor):
        value = value.detach().float().numpy()
    if not isinstance(value, str | bytes) and np.size(value) == 1:
        value = np.ravel(value)[0]
    if isinstance(value, str | bytes):
        return replace_surrogates(_text(value).lower()) or None
    numbers = np.ravel(np.asarray([] if value is None else value, np.float64))
    if not numbers.size or not np.isfinite(numbers).all():
        return None
    number = numbers[0] if numbers.size == 1 else float(numbers.argmax())
    if number != int(number):
        raise CorpusError(f"the label {number} is no class: map labels to a column of classes.")
    return str(int(number))


def _labelled(path: Path, turns: list[Utterance], names: Sequence[str]) -> tuple[LabelSet, list[Utterance]]:
    """The label set, and the utterances with its names; `names` are those of the numbers 0, 1, ..."""
    if names:
        numbers = {str(number): name for number, name in enumerate(names)}
        strange = next((turn.emotion for turn in turns if turn.emotion and turn.emotion not in numbers), None)
        if strange is not None:
            raise CorpusError(
                f"{path}: the label {strange} is not one of the {len(names)} named: correct --map names=..."
            )
        turns = [replace(turn, emotion=numbers[turn.emotion] if turn.emotion else None) for turn in turns]
    found = {turn.emotion for turn in turns if turn.emotion}
    plain = {label: ALIASES.get(label, label) for label in found}
    if found and set(plain.values()) <= set(SEVEN.names):
        return SEVEN, [replace(turn, emotion=plain[turn.emotion] if turn.emotion else None) for turn in turns]
    return LabelSet(tuple(names) or tuple(sorted(found))), turns
