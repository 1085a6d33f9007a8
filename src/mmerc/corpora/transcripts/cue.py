"""The forms of a transcript: cues as a file has them, segments, one for each utterance, and annotations with labels."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Segment:
    """One utterance between two times, in seconds; `speaker` is empty where the transcript names none.

    `text` is empty where the transcript has a time without words, such as a cue that only says [Music].
    """

    start: float
    end: float
    text: str
    speaker: str = ""


class Line(NamedTuple):
    """A line of a cue, or the part of a line that one voice says.

    `speaker`: whom the format itself names, such as WebVTT's `<v Ann>`. `start`: seconds, where the line has a time stamp of its own.
    """

    text: str
    speaker: str = ""
    start: float | None = None


class Cue(NamedTuple):
    """Lines that a file shows between two times, in seconds. `end` is `None` where the file lacks it.

    `number` finds the cue in the file: a line, a row or an index, by format. `source`: the recording that the file names for the cue.
    """

    start: float
    end: float | None
    lines: tuple[Line, ...]
    number: int = 0
    source: str = ""


class Annotation(NamedTuple):
    """A row of an annotation file with its label, as it stands there. `start` and `end`: seconds.

    `emotion` is empty and `confidence` is `None` where the file has none.
    """

    start: float
    end: float
    text: str
    speaker: str = ""
    emotion: str = ""
    confidence: float | None = None
