"""What a file of predictions is made from: the predictions, where they come from, and the recording."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mmerc import __version__
from mmerc.addresses import RemotePath
from mmerc.errors import MissingModality
from mmerc.media.timeline import measure_duration
from mmerc.model.prediction import Prediction

Subkeys = Mapping[str, Sequence[str]]


def link_recording(recording: Path, file: Path) -> str:
    """How a file refers to the recording: relative to its folder; an address without its signature; its name, if the file itself is at an address.

    >>> link_recording(Path("/data/talk.mp4"), Path("/data/out/talk.html"))
    '../talk.mp4'
    """
    if isinstance(recording, RemotePath):
        return str(recording).partition("?")[0]
    if isinstance(file, RemotePath):
        return recording.name
    return os.path.relpath(recording.resolve(), file.parent.resolve())


@dataclass(frozen=True)
class Provenance:
    """Which model made the predictions, the corpus that it was trained on, the version of mmerc, and when.

    >>> made = datetime(2026, 11, 26, 17, 45, tzinfo=UTC)
    >>> Provenance("meld-3f9a01bc", "MELD", "0.1.0", made).to_text()
    'mmerc 0.1.0, 2026-11-26, model meld-3f9a01bc, trained on MELD'
    """

    model: str = ""
    trained_on: str = ""
    mmerc_version: str = __version__
    made: datetime = field(default_factory=lambda: datetime.now(UTC))

    def to_dict(self) -> dict[str, str]:
        """The same as columns of a table."""
        return {
            "model": self.model,
            "trained_on": self.trained_on,
            "mmerc_version": self.mmerc_version,
            "date": self.made.date().isoformat(),
        }

    def to_text(self) -> str:
        """The same as one line, for a comment."""
        model = f"model {' '.join((self.model or 'without a name').split())}"
        corpus = f", trained on {' '.join(self.trained_on.split())}" if self.trained_on else ""
        return f"mmerc {self.mmerc_version}, {self.made.date().isoformat()}, {model}{corpus}"


@dataclass(frozen=True)
class Document:
    """The predictions of one file.

    Attributes:
        subkeys: see `list_columns`; the labels of the model are under `probabilities`.
        recording: the file that all utterances are parts of, where there is one.
        file: the file to be written, where there is one; links are relative to it.
        listeners: the expressions of listeners, where they were asked for.
        series: the predictions over time, where they were asked for.
    """

    predictions: Sequence[Prediction]
    provenance: Provenance = field(default_factory=Provenance)
    subkeys: Subkeys = field(default_factory=dict)
    recording: Path | None = None
    file: Path | None = None
    listeners: Sequence[Prediction] | None = None
    series: Sequence[Prediction] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the model."""
        names = dict.fromkeys(self.subkeys.get("probabilities", ()))
        for prediction in self.predictions:
            names.update(dict.fromkeys(prediction.probabilities))
        return tuple(names)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The continuous dimensions of the model, such as valence; none for most."""
        return tuple(dict.fromkeys(name for each in self.predictions for name in each.dimensions or {}))

    @property
    def extras(self) -> dict[str, Sequence[Prediction]]:
        """Rows that are no utterances, by their kind."""
        found = {"listeners": self.listeners, "series": self.series}
        return {kind: rows for kind, rows in found.items() if rows is not None}

    @property
    def num_speakers(self) -> int:
        """The number of speakers with a name, each dialogue for itself."""
        return len({(each.split, each.dialogue, each.speaker) for each in self.predictions if each.speaker})

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The predictions as rows, with their provenance."""
        return list(self.iterate_rows())

    def iterate_rows(self) -> Iterator[dict[str, Any]]:
        """The same one by one, for predictions that are not in memory."""
        origin = self.provenance.to_dict()
        for each in self.predictions:
            row = each.to_dict()
            yield row | {name: value for name, value in origin.items() if not row.get(name)}

    @property
    def duration(self) -> float | None:
        """Seconds of the recording; None where there is none, or it cannot be read."""
        try:
            return measure_duration(self.recording) if self.recording else None
        except MissingModality:
            return None
