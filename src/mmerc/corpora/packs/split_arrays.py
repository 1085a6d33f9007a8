"""Packs that are a dictionary of splits of stacked arrays, one row for an utterance: CMU-MOSI, CMU-MOSEI, MMSA, MMSA-FET."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmerc.corpora.dialogue import Identity, Problem, Utterance
from mmerc.corpora.packs.arrays import convert_signals
from mmerc.corpora.packs.dialogue_dicts import ROLES
from mmerc.corpora.packs.values import LabelValue, read_label, read_text
from mmerc.corpora.readers.ids import parse_id
from mmerc.errors import CorpusError

SPLIT_NAMES = {"train": "train", "valid": "dev", "dev": "dev", "val": "dev", "test": "test"}
COLUMNS = {  # role -> the names that a split's dictionary may have for it; the first one there counts
    "ids": ("id", "ids"),
    "labels": ("classification_labels", "labels"),
    "sentences": ("raw_text",),
    "text": ("text",),
    "audio": ("audio",),
    "face": ("vision", "face", "video"),
}
SCORES, CLASSES = "regression_labels", "annotations"  # MMSA-FET: a score from -1 to 1, and its sign as a name
SEPARATOR = "$_$"  # separates video and clip in ids


def read_split_arrays(
    file: Path, content: Mapping[Any, Any], mapping: Mapping[str, str]
) -> tuple[list[Utterance], list[LabelValue], list[Problem]]:
    """The utterances, their labels, and the problems; `mapping` gives a split's key for each role.

    Raises:
        CorpusError: there are no splits, a mapped key is absent, there is no signal, or the columns differ in length.
    """
    splits = {
        SPLIT_NAMES[key]: part for key, part in content.items() if key in SPLIT_NAMES and isinstance(part, Mapping)
    }
    if not splits:
        found = ", ".join(str(key) for key in list(content)[:8])
        hint = ""
        if any(name in content for names in COLUMNS.values() for name in names):
            hint = " These look like one clip's features from MMSA-FET: its run_dataset writes all clips with their splits."
        raise CorpusError(f"{file} has the keys {found}: a dictionary of train, valid and test is expected.{hint}")
    utterances, labels = [], []
    problems: list[Problem] = []
    for split, part in splits.items():
        columns = {role: part[name] for role, names in COLUMNS.items() for name in names[::-1] if name in part}
        for role, name in mapping.items():
            if name not in part:
                raise CorpusError(f"{file}: its {split} split has no {name} for {role}: correct the map.")
            columns[role] = part[name]
        signals = {role: column for role, column in columns.items() if role not in ROLES}
        if not signals:
            raise CorpusError(
                f"{file}: its {split} split has none of text, audio, vision: map one, such as --map text=bert."
            )
        if "labels" not in columns and (SCORES in part or CLASSES in part):
            what = f"MMSA-FET wrote {SCORES} and no classes: --map labels={CLASSES} takes its {CLASSES} as labels"
            problems.append(Problem("label", f"{file.name} {split}", what))
        counts = {role: len(column) for role, column in columns.items()}
        if len(set(counts.values())) > 1:
            shown = ", ".join(f"{role} {count}" for role, count in counts.items())
            raise CorpusError(f"{file}: the columns of its {split} split differ in length ({shown}): correct the map.")
        for index in range(next(iter(counts.values()))):
            dialogue, number = _read_id(columns.get("ids"), index)
            labels.append(read_label(columns["labels"][index]) if "labels" in columns else LabelValue())
            utterances.append(
                Utterance(
                    split,
                    dialogue,
                    number,
                    speaker=str(dialogue),
                    text=read_text(columns["sentences"][index]) or None if "sentences" in columns else None,
                    emotion=labels[-1].label,
                    source=str(dialogue),
                    signals=convert_signals((name, column[index]) for name, column in signals.items()),
                )
            )
    return utterances, labels, problems


def _read_id(ids: Any, index: int) -> tuple[Identity, Identity]:
    """The dialogue and the utterance of a row: `video$_$clip`, `video[clip]`, or [video, start, end]."""
    if ids is None:
        return index, 0
    value = ids[index]
    if not isinstance(value, str | bytes) and len(np.shape(value)) and len(value) > 1:
        return read_text(value[0]), index
    text = read_text(np.asarray(value).ravel()[0])
    for left, right in ((SEPARATOR, ""), ("[", "]")):
        video, found, clip = text.rpartition(left)
        if found:
            return video, parse_id(clip.removesuffix(right))
    return text, index
