"""The data model of every corpus: who said what, when, and with which expressed emotion."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mmerc.corpora.speakers import is_crowd, split_names
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError
from mmerc.memo import Memo

Identity = int | str
Key = tuple[str, str, str]
FaceOf = Literal["speaker", "listener", "unknown"]

SPLITS = ("train", "dev", "test")  # the splits that training and evaluation use
HELD_OUT = "held-out"  # the part of train on which a run selects; no reader gives a split of this name


def replace_surrogates(text: str) -> str:
    """The text with "?" for lone surrogates, which JSON, pickles and file names can hold and UTF-8 cannot.

    >>> replace_surrogates("a\\ud800b")
    'a?b'
    """
    return text.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True)
class Clip:
    """A media file, or the part of it from `start` to `end` in seconds. `end=None` is the end of the file.

    `audio_track`: index among the audio tracks of the file; None is the default track.
    """

    path: Path
    start: float = 0.0
    end: float | None = None
    audio_track: int | None = None

    @property
    def seconds(self) -> float | None:
        """The length of the part; None where the end of the file is its end.

        >>> Clip(Path("talk.mp4"), 2.0, 5.0).seconds
        3.0
        """
        return None if self.end is None else self.end - self.start


@dataclass(frozen=True)
class LiveRecording:
    """An utterance's recording in memory, from a microphone and a camera. It takes the place of a `Clip`.

    Attributes:
        samples: mono waveform in [-1, 1] at 16 kHz, [S]. Empty where there is no sound.
        images: JPEG or PNG files. Empty where there is no camera.
        times: the time of each image, in seconds after the first sample.
        start: the time of the first sample, in seconds since the start of the stream.
        memos: what encoders have found in each image, by encoder, so that a later look at the same utterance does not search again.
            Empty where nothing is kept.
        memo: what was computed of the utterance as far as it was heard. None where nothing is kept.
    """

    samples: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    images: tuple[bytes, ...] = ()
    times: tuple[float, ...] = ()
    start: float = 0.0
    memos: tuple[dict[object, Any], ...] = ()
    memo: Memo | None = None


EMPTY: Mapping[Any, Any] = {}  # one object for all utterances: a corpus may have a million of them


def get_empty() -> Mapping[Any, Any]:
    """The default of a mapping of an utterance."""
    return EMPTY


@dataclass(frozen=True)
class ChosenFace:
    """The face that an utterance takes, chosen after the whole recording was seen.

    Attributes:
        face_of: the face is the speaker's, a listener's, or it is unknown whose it is.
        clip: where its frames are; None for a live utterance, whose images have them.
        times: of the frames that show it, in seconds from the start of the file or of the stream. Empty where no face is to be read.
        boxes: (left, top, right, bottom) in each of these frames, as shares of its width and height.
        reason: why no face is to be read; empty if one is.
        crops: of some of the frames, by their times, as the encoder that found the faces cuts them [S, S, 3]. They need not be read again.
    """

    face_of: FaceOf
    clip: Clip | None
    times: tuple[float, ...] = ()
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    reason: str = ""
    crops: Mapping[float, np.ndarray] = field(default_factory=get_empty, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one speaker says at a time. An unknown text, time or emotion is `None`, never an empty value.

    Attributes:
        split, dialogue, utterance: together the key, which is unique in a corpus.
        speaker: the speaker's name as the corpus writes it; it may name several people. Empty where unknown.
        text: the words.
        start, end: seconds in the recording that the dialogue comes from.
        emotion: the label.
        votes: how many annotators chose each label; shares are accepted, too. Empty where single votes are not known.
        dimensions: continuous ratings by name, such as valence, on the scale of the corpus.
        clip: the utterance's audio and video.
        source: the name of the recording.
        live: audio and images in memory, in place of `clip`.
        face: the face to read, where the faces of the whole recording are known; None leaves the choice to the face encoder.
        signals: input of modalities that is not in the clip, by the modality's name: a feature array, a picture.
        attributes: further columns of the corpus, such as gender, by name.
        members: the people whom `speaker` lists; `resolve_speakers` sets it. Empty where `speaker` is one name.
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
    live: LiveRecording | None = field(default=None, compare=False, repr=False)
    face: ChosenFace | None = field(default=None, compare=False, repr=False)
    signals: Mapping[str, object] = field(default_factory=get_empty, compare=False, repr=False)
    members: tuple[str, ...] = field(default=(), compare=False, repr=False)
    votes: Mapping[str, float] = field(default_factory=get_empty, hash=False, repr=False)
    dimensions: Mapping[str, float] = field(default_factory=get_empty, hash=False, repr=False)
    attributes: Mapping[str, str] = field(default_factory=get_empty, hash=False, repr=False)

    @property
    def key(self) -> Key:
        """(split, dialogue, utterance) as text. Ids alone repeat across MELD's splits."""
        return (self.split, str(self.dialogue), str(self.utterance))

    @property
    def speakers(self) -> tuple[str, ...]:
        """The people who speak. Empty where the speaker is unknown or a crowd such as "All".

        >>> Utterance("train", 0, 0, speaker="Smith, Ann").speakers
        ('Smith, Ann',)
        >>> Utterance("train", 0, 0, speaker="All").speakers
        ()
        """
        name = self.speaker.strip()
        return () if not name or is_crowd(name) else self.members or (name,)

    @property
    def name(self) -> str:
        """The key as a person reads it."""
        return f"{self.split} dialogue {self.dialogue} utterance {self.utterance}"


@dataclass(frozen=True)
class Dialogue:
    """A conversation: utterances in the order in which they were said.

    Attributes:
        session: the recording session, where the corpus has sessions with speakers of their own.
        corpus: the corpus that the dialogue comes from, in a corpus that `join_corpora` made.
    """

    split: str
    dialogue: Identity
    utterances: tuple[Utterance, ...]
    session: str = ""  # recordings that share it come into one fold
    corpus: str = ""

    def __len__(self) -> int:
        return len(self.utterances)

    def __repr__(self) -> str:
        return f"Dialogue(split={self.split!r}, dialogue={self.dialogue!r}, {len(self)} utterances)"


@dataclass(frozen=True)
class Problem:
    """Something wrong in the data that does not stop the run: `kind` groups problems, `where` locates it, `what` explains it."""

    kind: str
    where: str
    what: str


@dataclass(frozen=True, repr=False)
class Corpus:
    """A named set of splits, each a tuple of dialogues, with the problems found in them.

    Attributes:
        labels: the label set of `Utterance.emotion`.
        leaky_signals: names of signals that were computed with the labels of the training rows themselves.
        location: `KIND:PATH` with an absolute path, as `open_corpus` takes it; empty for a corpus made in memory.
        warning: a sentence that every output of a model of this corpus shows; empty for a corpus of real people.
    """

    name: str
    labels: LabelSet
    splits: Mapping[str, tuple[Dialogue, ...]]
    problems: tuple[Problem, ...] = ()
    leaky_signals: tuple[str, ...] = ()
    location: str = ""
    warning: str = ""

    def __repr__(self) -> str:
        counts = ", ".join(f"{split} {sum(map(len, dialogues))}" for split, dialogues in self.splits.items())
        return f"Corpus({self.name!r}, utterances: {counts or 'none'}; labels: {', '.join(self.labels.names)})"

    @property
    def members(self) -> tuple[str, ...]:
        """The names of the corpora that were joined into this one; empty where it is one corpus."""
        names = dict.fromkeys(dialogue.corpus for dialogues in self.splits.values() for dialogue in dialogues)
        return tuple(name for name in names if name)

    def dialogues(self, split: str) -> tuple[Dialogue, ...]:
        """The dialogues of one split.

        Raises:
            CorpusError: the corpus has no such split.
        """
        if split not in self.splits:
            raise CorpusError(f'{self.name} has no split "{split}": it has {", ".join(self.splits) or "none"}.')
        return self.splits[split]

    def utterances(self, split: str) -> Iterator[Utterance]:
        """The utterances of one split, dialogue by dialogue.

        Raises:
            CorpusError: the corpus has no such split.
        """
        for dialogue in self.dialogues(split):
            yield from dialogue.utterances

    def is_labelled(self, split: str) -> bool:
        """Whether every utterance of the split has a label, so that the split can be scored."""
        return all(utterance.emotion is not None for utterance in self.utterances(split))


def resolve_speakers(utterances: Sequence[Utterance]) -> list[Utterance]:
    """The utterances with their `members` set: the people whom a speaker such as "Joey and Ross" lists.

    A speaker lists people where each part also occurs as a speaker of `utterances`; these should be all of a corpus.
    """
    names = {utterance.speaker.strip() for utterance in utterances}
    members = {name: split_names(name, names) for name in names}
    return [
        replace(utterance, members=found) if (found := members[utterance.speaker.strip()]) else utterance
        for utterance in utterances
    ]


def group_into_dialogues(rows: Sequence[Utterance]) -> tuple[dict[str, tuple[Dialogue, ...]], list[Problem]]:
    """Group rows into splits and dialogues, in the order of their utterance ids where these are numbers.

    Of two rows with one key the first is kept and the second is a problem.
    """
    problems: list[Problem] = []
    grouped: dict[str, dict[Identity, dict[str, Utterance]]] = {}
    for row in resolve_speakers([clean_text(row) for row in rows]):
        utterances = grouped.setdefault(row.split, {}).setdefault(row.dialogue, {})
        if str(row.utterance) in utterances:
            problems.append(Problem("duplicate", row.name, "the key occurs twice; the first row is kept"))
        else:
            utterances[str(row.utterance)] = row
    splits = {
        split: tuple(Dialogue(split, name, _sort_utterances(list(found.values()))) for name, found in dialogues.items())
        for split, dialogues in grouped.items()
    }
    return splits, problems


def clean_text(utterance: Utterance) -> Utterance:
    """The utterance with names and words that can be written as UTF-8, and its speaker in one Unicode form (NFC)."""
    changed: dict[str, Any] = {}
    for name in ("split", "dialogue", "utterance", "speaker", "text", "source"):
        value = getattr(utterance, name)
        if not isinstance(value, str):
            continue
        # One name in two Unicode forms is one speaker.
        clean = replace_surrogates(unicodedata.normalize("NFC", value) if name == "speaker" else value)
        if clean != value:
            changed[name] = clean
    return replace(utterance, **changed) if changed else utterance


def _sort_utterances(utterances: list[Utterance]) -> tuple[Utterance, ...]:
    # By id and not by time: 31 of MELD's dialogues have start times that go backwards.
    if all(isinstance(utterance.utterance, int) for utterance in utterances):
        return tuple(sorted(utterances, key=lambda utterance: int(utterance.utterance)))
    return tuple(utterances)
