"""Corrections by a person: labels, speakers, words and boundaries of utterances, applied to a new prediction of the same recording.

The page of `mmerc predict --html` writes the file. It is a table that `table:` reads too, so the same file is a corpus.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mmerc.corpora import Dialogue, Key, Problem, Utterance
from mmerc.corpora.dialogue import SPLITS, resolve_speakers
from mmerc.corpora.readers.rows import TableRow, read_rows
from mmerc.corpora.readers.times import read_times
from mmerc.corpora.transcripts.fields import remove_guard
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError
from mmerc.model.prediction import Prediction

REQUIRED = ("dialogue", "utterance")
SAVE_HINT = 'give a file that the page saved with "Save corrections"'


class Correction(NamedTuple):
    """What a row says of an utterance; None where the file has no such column or value. An empty text: there are no words."""

    where: str
    label: str | None = None
    speaker: str | None = None
    text: str | None = None
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Corrections:
    """The rows of a file of corrections, by the keys of their utterances. `file` is its name."""

    file: str
    rows: Mapping[Key, Correction]

    def apply(self, dialogues: Sequence[Dialogue]) -> tuple[list[Dialogue], list[Problem]]:
        """The dialogues with the corrected speakers, words and boundaries, and a problem for each row that cannot be used.

        Raises:
            CorpusError: no row is about these dialogues.
        """
        keys = {make_key(*each.key) for dialogue in dialogues for each in dialogue.utterances}
        unknown = [correction for key, correction in self.rows.items() if key not in keys]
        if self.rows and len(unknown) == len(self.rows):
            raise CorpusError(
                f"no row of {self.file} is about an utterance of the input: give the file of corrections of this input."
            )
        problems = [Problem("row", each.where, "is about no utterance of the input; left out") for each in unknown]
        corrected = []
        for dialogue in dialogues:
            utterances = [self._apply_to(utterance, problems.append) for utterance in dialogue.utterances]
            corrected.append(replace(dialogue, utterances=tuple(resolve_speakers(utterances))))
        return corrected, problems

    def _apply_to(self, utterance: Utterance, report: Callable[[Problem], None]) -> Utterance:
        correction = self.rows.get(make_key(*utterance.key))
        if correction is None:
            return utterance
        fields: dict[str, object] = {}
        if correction.speaker is not None:
            fields["speaker"] = correction.speaker
        if correction.text is not None:
            fields["text"] = correction.text or None
        moved = _move(utterance, correction)
        if isinstance(moved, str):
            report(Problem("time", correction.where, moved))
        else:
            fields |= moved
        return replace(utterance, **fields)  # type: ignore[arg-type]

    def label(self, predictions: Iterable[Prediction]) -> list[Prediction]:
        """The predictions with the person's labels in `corrected`."""
        labels = {key: correction.label for key, correction in self.rows.items() if correction.label}
        found = ((each, labels.get(make_key(each.split, each.dialogue, each.utterance))) for each in predictions)
        return [each.model_copy(update={"corrected": label}) if label else each for each, label in found]


def make_key(split: str, dialogue: object, utterance: object) -> Key:
    """The key of a row. Rows of recordings are in the split `train`, since a person's labels are for training.

    >>> make_key("input", "talk", 3), make_key("dev", 0, 1)
    (('train', 'talk', '3'), ('dev', '0', '1'))
    """
    return (split if split in SPLITS else "train", str(dialogue), str(utterance))


def read_corrections(file: Path, labels: LabelSet, recording: Path | None = None) -> tuple[Corrections, list[Problem]]:
    """Read a file of corrections.

    `labels`: those of the model; another label is a problem, and its row keeps the rest. `recording`: the file that is predicted,
    if it is one file; rows that name another file in `clip` are refused.

    Raises:
        CorpusError: the file cannot be read, lacks a column, or is about another recording.
    """
    rows, problems = read_rows(file, REQUIRED)
    if not rows:
        raise CorpusError(f"{file} has a header but no rows: {SAVE_HINT}.")
    clips = {PurePosixPath(row["clip"].replace("\\", "/")).name for row in rows if row.get("clip")}
    if recording is not None and clips and recording.name not in clips:
        raise CorpusError(
            f"{file} has corrections of {min(clips)}, and the recording is {recording.name}: give the file of corrections of "
            f"{recording.name}."
        )
    found: dict[Key, Correction] = {}
    for row in rows:
        where = f"{file.name} row {row.number}"
        key = make_key(row.get("split", ""), row["dialogue"], row["utterance"])
        if key in found:
            problems.append(
                Problem("row", where, "is about the same utterance as an earlier row; the later one is used")
            )
        found[key] = _read_row(row, where, labels, problems.append)
    return Corrections(file.name, found), problems


def _read_row(row: TableRow, where: str, labels: LabelSet, report: Callable[[Problem], None]) -> Correction:
    label = row.get("emotion") or None
    if label is not None:
        if label in labels:
            label = labels.normalise(label)
        else:
            names = ", ".join(labels.names)
            report(Problem("label", where, f'the label "{label[:40]}" is not one of {names}: the row has no label'))
            label = None
    start, end, problems = read_times(row.get("start", ""), row.get("end", ""), where, "the boundaries stay")
    for problem in problems:
        report(problem)
    speaker, text = (None if row.get(name) is None else remove_guard(row[name]) for name in ("speaker", "text"))
    return Correction(where, label, speaker, text, start, end)


def _move(utterance: Utterance, correction: Correction) -> dict[str, object] | str:
    """The changed boundaries of an utterance and its clip, or why they cannot be changed."""
    start, end = correction.start, correction.end
    if start is None or end is None or (start, end) == (utterance.start, utterance.end):
        return {}
    if end < start:  # a file was checked before, corrections that a program makes were not
        return f"is at {start:g} to {end:g} s, so it ends before it starts: the boundaries stay"
    if utterance.start is None or utterance.end is None:
        return "has times, and the utterance has none: they are left out"
    if end <= utterance.start or start >= utterance.end:
        return (
            f"is at {start:g} to {end:g} s, and the utterance at {utterance.start:g} to {utterance.end:g} s: the boundaries stay. "
            "Check that the transcript is the same"
        )
    clip = utterance.clip
    if clip is None:
        return {"start": start, "end": end}
    if (clip.start, clip.end) != (utterance.start, utterance.end):
        return "has other times, and the clip of the utterance is a file of its own: the boundaries stay"
    return {"start": start, "end": end, "clip": replace(clip, start=start, end=end)}
