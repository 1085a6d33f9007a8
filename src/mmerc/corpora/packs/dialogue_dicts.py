"""Packs that are a tuple of dictionaries keyed by dialogue, as DialogueRNN and its followers store features."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmerc.corpora.dialogue import SPLITS, Utterance
from mmerc.corpora.packs.arrays import convert_signals
from mmerc.corpora.packs.values import LabelValue, read_label, read_speaker, read_text
from mmerc.corpora.readers.ids import parse_id
from mmerc.errors import CorpusError

ROLES = ("ids", "speakers", "labels", "sentences", *SPLITS)  # any other role is a signal
MELD_NAMES = ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger")  # the order of its labels there
IEMOCAP_NAMES = ("happy", "sad", "neutral", "angry", "excited", "frustrated")
_START = ("ids", "speakers", "labels", "text")
_END = ("sentences", "train", "test")
_ROBERTA = ("text2", "text3", "text4")
# By the length of the tuple and whether its last element is a dictionary: in MELD's, the three sentiments (not read).
LAYOUTS: dict[tuple[int, bool], tuple[str, ...]] = {
    (9, True): (*_START, "audio", *_END),  # DialogueRNN, MELD
    (9, False): (*_START, "audio", "face", *_END),  # DialogueRNN, MMGCN, IEMOCAP
    (10, True): (*_START, "audio", "face", *_END),  # MMGCN, MELD
    (12, False): (*_START, *_ROBERTA, "audio", "face", *_END),  # the same with four RoBERTa layers, IEMOCAP
    (13, True): (*_START, *_ROBERTA, "audio", "face", *_END),  # the same, MELD
}


def read_dialogue_dicts(
    file: Path, content: Sequence[Any], mapping: Mapping[str, str]
) -> tuple[list[Utterance], list[LabelValue], tuple[str, ...]]:
    """The utterances, their labels, and the names of the labels 0, 1, ... in a known layout.

    `mapping` gives the index in the tuple of each role. Without a map, the layout must be one of `LAYOUTS`.

    Raises:
        CorpusError: the layout is unknown, the map does not fit the tuple, or no signal is mapped.
    """
    is_meld = bool(content) and isinstance(content[-1], Mapping)
    layout = LAYOUTS.get((len(content), is_meld))
    if not mapping and layout is None:
        raise CorpusError(
            f"{file} is a tuple of {len(content)} elements, which is not a known layout: map its roles, such as "
            "--map labels=2 --map text=3 --map train=7 --map test=8."
        )
    indices = dict(zip(layout or (), range(len(content)), strict=False))
    indices |= {role: _parse_index(file, role, index, len(content)) for role, index in mapping.items()}
    parts = {role: content[index] for role, index in indices.items()}
    signals = {role: part for role, part in parts.items() if role not in ROLES}
    for role in ("labels", "sentences", "speakers", "ids", *signals):
        if role in parts and not isinstance(parts[role], Mapping):
            raise CorpusError(
                f"{file}: element {indices[role]}, mapped to {role}, is not a dictionary: correct the map."
            )
    if not signals:
        raise CorpusError(f"{file}: no signal is mapped: add one, such as --map text=3.")
    utterances, labels = [], []
    for split in SPLITS:
        for dialogue in _sort_dialogues(parts.get(split, ())):
            for index in range(max(len(part.get(dialogue, ())) for part in signals.values())):
                row = {role: _get_item(parts.get(role), dialogue, index) for role in (*ROLES[:4], *signals)}
                labels.append(read_label(row["labels"]))
                utterances.append(
                    Utterance(
                        split,
                        parse_id(read_text(dialogue)),
                        index,
                        speaker=read_speaker(row["speakers"]),
                        text=read_text(row["sentences"]) or None,
                        emotion=labels[-1].label,
                        source=read_text(row["ids"]) or read_text(dialogue),
                        signals=convert_signals((name, row[name]) for name in signals),
                    )
                )
    names = MELD_NAMES if is_meld else IEMOCAP_NAMES
    return utterances, labels, names if layout and not mapping else ()


def _parse_index(file: Path, role: str, index: str, count: int) -> int:
    if not index.isdecimal() or int(index) >= count:
        raise CorpusError(f"{file}: {role}={index} is not an index in a tuple of {count}: give a number from 0.")
    return int(index)


def _sort_dialogues(dialogues: Any) -> list[Any]:
    return sorted(list(dialogues), key=lambda name: (isinstance(name, str), name))


def _get_item(part: Any, dialogue: Any, index: int) -> Any:
    items = part.get(dialogue, ()) if part is not None else ()
    return items[index] if index < len(items) else None
