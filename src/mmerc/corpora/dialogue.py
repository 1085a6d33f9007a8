"""What every corpus is made of: who said what, when, and with which emotion."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError

Identity = int | str
Key = tuple[str, str, str]

SPLITS = ("train", "dev", "test")  # what a run knows what to do with
HELD_OUT = "held-out"  # what a run takes from train to select on; no reader gives a split of this name

SEVERAL = re.compile(r"\s+and\s+|\s*[/&,]\s*", re.IGNORECASE)
EVERYBODY = frozenset({"all", "both", "everyone", "everybody"})


def replace_surrogates(text: str) -> str:
    """The text without halves of characters, which JSON, pickles and names of files can hold and nothing else takes.

    >>> replace_surrogates("a\\ud800b")
    'a?b'
    """
    return text.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True)
class Clip:
    """A file, or the part of it between `start` and `end` (seconds; `None` is the file's own end).

    `audio_track`: index among the audio tracks of the file; `None` is the default track.
    """

    path: Path
    start: float = 0.0
    end: float | None = None
    audio_track: int | None = None


@dataclass(frozen=True)
class Live:
    """What a microphone and a camera gave during an utterance that is in no file.

    `samples`: mono in [-1, 1] at 16 kHz, [S]; `pictures`: JPEG or PNG, each with its `times` entry, in seconds from the
    first sample. Either may be empty.
    """

    samples: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    pictures: tuple[bytes, ...] = ()
    times: tuple[float, ...] = ()


@dataclass(frozen=True)
class Utterance:
    """One turn of one speaker. Whatever is not known is `None`, never an empty stand-in.

    `start` and `end` are seconds in the recording that the dialogue comes from, `source` names that recording.
    `signals` holds what is known of a modality beside any clip, such as a picture of the face.
    """

    split: str
    dialogue: Identity
    utterance: Identity
    speaker: str = ""
    text: str | None = None
    start: float | None = None
    end: float | None = None
    emotion: str | None = None
    clip: Clip | None = None
    source: str = ""
    live: Live | None = field(default=None, compare=False)
    signals: Mapping[str, object] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> Key:
        """(split, dialogue, utterance): the only key that is unique in MELD."""
        return (self.split, str(self.dialogue), str(self.utterance))

    @property
    def speakers(self) -> tuple[str, ...]:
        """The people behind the speaker field, empty where it names a crowd.

        >>> Utterance("train", 0, 0, speaker="Joey and Ross").speakers
        ('Joey', 'Ross')
        >>> Utterance("train", 0, 0, speaker="All").speakers
        ()
        """
        if self.speaker.strip().lower() in EVERYBODY:
            return ()
        return tuple(name for name in SEVERAL.split(self.speaker.strip()) if name)

    @property
    def name(self) -> str:
        return f"{self.split} dialogue {self.dialogue} utterance {self.utterance}"


@dataclass(frozen=True)
class Dialogue:
    """Utterances in the order in which they were said."""

    split: str
    dialogue: Identity
    utterances: tuple[Utterance, ...]

    def __len__(self) -> int:
        return len(self.utterances)


@dataclass(frozen=True)
class Problem:
    """Something broken that was kept and not hidden: `kind` groups it, `where` finds it, `what` explains it."""

    kind: str
    where: str
    what: str


@dataclass(frozen=True)
class Corpus:
    """A named set of splits, each a tuple of dialogues, with everything that was found broken in them.

    `leaky_signals`: signals whose training rows a network made that had seen the labels of these very rows.
    """

    name: str
    labels: LabelSet
    splits: Mapping[str, tuple[Dialogue, ...]]
    problems: tuple[Problem, ...] = ()
    leaky_signals: tuple[str, ...] = ()

    def dialogues(self, split: str) -> tuple[Dialogue, ...]:
        """The dialogues of one split.

        Raises:
            CorpusError: the corpus has no such split.
        """
        if split not in self.splits:
            raise CorpusError(f'{self.name} has no split "{split}": it has {", ".join(self.splits) or "none"}.')
        return self.splits[split]

    def utterances(self, split: str) -> Iterator[Utterance]:
        for dialogue in self.dialogues(split):
            yield from dialogue.utterances

    def labelled(self, split: str) -> bool:
        """Whether every utterance of the split has a label, so that it can be scored."""
        return all(utterance.emotion is not None for utterance in self.utterances(split))


def gather(rows: list[Utterance]) -> tuple[dict[str, tuple[Dialogue, ...]], list[Problem]]:
    """Group rows into splits and dialogues, in the order of their utterance ids where those are numbers.

    Of two rows with one key the first is kept and the second reported.
    """
    problems: list[Problem] = []
    grouped: dict[str, dict[Identity, dict[str, Utterance]]] = {}
    for row in map(_written, rows):
        turns = grouped.setdefault(row.split, {}).setdefault(row.dialogue, {})
        if str(row.utterance) in turns:
            problems.append(Problem("duplicate", row.name, "the key occurs twice; the first row is kept"))
        else:
            turns[str(row.utterance)] = row
    splits = {
        split: tuple(Dialogue(split, name, _in_order(list(turns.values()))) for name, turns in dialogues.items())
        for split, dialogues in grouped.items()
    }
    return splits, problems


def _written(turn: Utterance) -> Utterance:
    """The utterance, fit to be written into a file."""
    said: dict[str, Any] = {
        name: replace_surrogates(value)
        for name in ("split", "dialogue", "utterance", "speaker", "text", "source")
        if isinstance(value := getattr(turn, name), str)
    }
    return replace(turn, **said)


def _in_order(turns: list[Utterance]) -> tuple[Utterance, ...]:
    # By id and not by time: 31 of MELD's dialogues have start times that go backwards.
    if all(isinstance(turn.utterance, int) for turn in turns):
        return tuple(sorted(turns, key=lambda turn: int(turn.utterance)))
    return tuple(turns)
