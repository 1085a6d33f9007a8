"""Predictions as rows with times, for formats that show them along a recording."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from mmerc.errors import ConfigError
from mmerc.inference.export.document import Document

UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML cannot hold


class TimedRow(NamedTuple):
    """`start` and `end`: milliseconds. `lane`: 1, or more where the row overlaps another one of the same speaker.

    `emotion` is the label that a person gave, else the predicted one; `confidence` is the model's probability of it.
    """

    start: int
    end: int
    speaker: str
    text: str
    emotion: str
    confidence: float
    dialogue: str
    dimensions: Mapping[str, float]
    lane: int = 1

    def get_text(self, kind: str) -> str:
        """What a tier of this kind holds: `words`, `emotion`, `confidence`, or the name of a continuous dimension."""
        texts = {"words": self.text, "emotion": self.emotion, "confidence": str(self.confidence)}
        return texts[kind] if kind in texts else str(self.dimensions.get(kind, ""))


def list_timed_rows(document: Document) -> list[TimedRow]:
    """The rows in the order of their times. An utterance without times is the whole recording.

    Raises:
        ConfigError: an utterance has no times, and there is no recording that gives them.
    """
    rows = []
    for each in document.predictions:
        start = 0.0 if each.start is None else each.start
        end = document.duration if each.end is None else each.end
        if end is None:
            raise ConfigError(
                f"the utterance {each.dialogue}/{each.utterance} has no end in a recording: write .csv, .xlsx or .jsonl."
            )
        label = each.corrected or each.emotion
        texts = (each.speaker, each.text or "", label, str(each.dialogue))
        speaker, text, emotion, dialogue = (UNWRITABLE.sub("\ufffd", text) for text in texts)
        first, last = round(1000 * start), round(1000 * end)
        confidence = each.confidence if label == each.emotion else each.probabilities.get(label, 0.0)
        dimensions = each.dimensions or {}
        rows.append(TimedRow(first, max(first, last), speaker, text, emotion, confidence, dialogue, dimensions))
    return list(_assign_lanes(sorted(rows, key=lambda row: row[:2])))


def _assign_lanes(rows: Sequence[TimedRow]) -> Iterator[TimedRow]:
    """A tier holds rows that do not overlap, so what one speaker says at once is on several."""
    ends: dict[str, list[int]] = {}
    for row in rows:
        lanes = ends.setdefault(row.speaker, [])
        lane = next((index for index, end in enumerate(lanes) if end <= row.start), len(lanes))
        lanes[lane : lane + 1] = [row.end]
        yield row._replace(lane=lane + 1)


def group_rows(rows: Sequence[TimedRow]) -> dict[tuple[str, int], list[TimedRow]]:
    """The rows of each speaker and lane, speakers in the order in which they first speak."""
    speakers = list(dict.fromkeys(row.speaker for row in rows))
    groups: dict[tuple[str, int], list[TimedRow]] = {}
    for row in sorted(rows, key=lambda row: (speakers.index(row.speaker), row.lane)):
        groups.setdefault((row.speaker, row.lane), []).append(row)
    return groups
