"""Diarization: who speaks when in a recording, from the vectors of its voices."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from mmerc import weights
from mmerc.campplus import WEIGHTS
from mmerc.corpora import Clip
from mmerc.errors import ConfigError, MissingModality
from mmerc.media import SAMPLE_RATE, read_waveform
from mmerc.speakers.clustering import cluster
from mmerc.speakers.segmentation import Segmenter, find_segmenter
from mmerc.speakers.turns import Turn
from mmerc.speakers.voice_encoder import WINDOW, VoiceEncoder, load_voice_encoder, normalize
from mmerc.speakers.voices import match_voices, read_voices

MAX_STRETCH_PAUSE = 0.2  # seconds: a longer pause ends a stretch of speech, since the speaker may change there
STRETCHES_AT_ONCE = 64  # whose windows are computed together
MAX_WINDOWS = 4  # of a piece. A longer stretch, of more than 4 s, may have several speakers
MIN_PIECE = 1.0  # seconds: shorter pieces get the nearest speaker, because they say little about the voice
CHANGE_COST = 1.0  # sum of cosines by which a change of the speaker within a stretch must be better than none

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Diarizer:
    """Finds the speakers of recordings. `load_diarizer` makes one.

    Attributes:
        num_speakers: the number of people who speak in each recording; None finds it.
        names: names of the speakers in the order in which they speak first.
        voices: vectors of known people, by their names.
        segmenter: finds where the speaker changes within a stretch; without it, changes are found by the vectors alone.
    """

    encoder: VoiceEncoder
    num_speakers: int | None = None
    names: tuple[str, ...] = ()
    voices: dict[str, np.ndarray] = field(default_factory=dict)
    segmenter: Segmenter | None = field(default=None, repr=False)

    @property
    def is_asked_for(self) -> bool:
        """Whether the user has said anything about the speakers."""
        return self.num_speakers is not None or bool(self.names or self.voices)

    def find_turns(
        self,
        clip: Clip,
        stretches: Sequence[tuple[float, float]],
        on_progress: Callable[[float], None] = lambda seconds: None,
    ) -> list[Turn]:
        """The speakers of stretches of speech, which are starts and ends in seconds, in the order of time.

        A stretch in which the speaker changes becomes several turns. A speaker without a name is "speaker 1" if it speaks first,
        "speaker 2" if it speaks second, and so on. `on_progress` is called with the end of each stretch; an exception in it ends the work.
        """
        if not stretches:
            return []
        if self.segmenter is not None:
            segmentation = self.segmenter.segment(clip, on_progress)
            stretches = [part for start, end in stretches for part in segmentation.split(start, end)]
        vectors = list(self._embed(clip, stretches, on_progress))
        labels = label_windows(vectors, [end - start for start, end in stretches], self.num_speakers)
        turns = [
            turn for stretch, found in zip(stretches, labels, strict=True) for turn in split_stretch(*stretch, found)
        ]
        names = self._choose_names(np.concatenate(vectors), np.concatenate(labels), clip.path.name)
        return [Turn(start, end, names[label]) for start, end, label in turns]

    def _embed(
        self, clip: Clip, stretches: Sequence[tuple[float, float]], on_progress: Callable[[float], None]
    ) -> Iterator[Float[np.ndarray, "W d"]]:
        for first in range(0, len(stretches), STRETCHES_AT_ONCE):
            waveforms = []
            for start, end in stretches[first : first + STRETCHES_AT_ONCE]:
                on_progress(end)
                try:
                    waveforms.append(read_waveform(replace(clip, start=start, end=end)))
                except MissingModality:  # shorter than a syllable
                    waveforms.append(np.zeros(SAMPLE_RATE // 10, np.float32))
            yield from self.encoder.embed_stretches(waveforms)

    def _choose_names(
        self, vectors: Float[np.ndarray, "W d"], labels: Int[np.ndarray, " W"], recording: str
    ) -> dict[int, str]:
        order = list(dict.fromkeys(labels.tolist()))  # of the first appearance
        names = {label: f"speaker {number}" for number, label in enumerate(order, 1)} | dict(
            zip(order, self.names, strict=False)
        )
        means = np.stack([vectors[labels == label].mean(0) for label in order])
        names |= {order[index]: name for index, name in match_voices(means, self.voices).items()}
        given = self.names or tuple(self.voices)
        absent = [name for name in given if name not in names.values()]
        if absent:
            log.warning(
                "%s: %d speakers are found, none for %s; if they all speak, give their number with --speakers",
                recording,
                len(order),
                ", ".join(absent),
            )
        return names


def load_diarizer(
    num_speakers: int | None = None, names: Sequence[str] = (), voices: Path | None = None
) -> Diarizer | None:
    """A `Diarizer` with the public weights. Without them it is None where nothing is asked for: the speakers stay unknown.

    `voices`: a folder with one recording per person, whose stem is the name.

    Raises:
        ConfigError: the number or the names cannot be used.
        CorpusError: a recording in `voices` cannot be used.
        WeightsError: something is asked for, and the weights are not on this machine.
    """
    if num_speakers is not None and num_speakers < 1:
        raise ConfigError(f"{num_speakers} speakers cannot be found: give a number from 1.")
    names = tuple(name.strip() for name in names)
    if not all(names) or len(set(names)) < len(names):
        raise ConfigError(
            f"the names {', '.join(names)} are not all different, or one is empty: give each speaker a name."
        )
    if names and voices is not None:
        raise ConfigError("names and voices both name the speakers: give one of them.")
    if num_speakers is not None and len(names) > num_speakers:
        raise ConfigError(
            f"there are {len(names)} names for {num_speakers} speakers: give at most one for each speaker."
        )
    if num_speakers is None and not names and voices is None and weights.find(WEIGHTS) is None:
        return None
    encoder = load_voice_encoder()
    known = {} if voices is None else read_voices(voices, encoder)
    return Diarizer(encoder, num_speakers, names, known, find_segmenter())


def label_windows(
    vectors: Sequence[Float[np.ndarray, "_ d"]], seconds: Sequence[float], num_speakers: int | None
) -> list[Int[np.ndarray, " _"]]:
    """The speaker, from 0, of each window of each stretch of speech. `vectors` are those of the windows, `seconds`: the lengths of the stretches."""
    pieces: list[np.ndarray] = []  # vectors of length 1
    lengths: list[float] = []
    for found, length in zip(vectors, seconds, strict=True):
        parts = np.array_split(found, -(-len(found) // MAX_WINDOWS))
        pieces += [normalize(part.mean(0)) for part in parts]
        lengths += [length / len(parts)] * len(parts)
    stacked = np.stack(pieces)
    is_long = np.array(lengths) >= min(MIN_PIECE, max(lengths))
    labels = cluster(stacked[is_long], np.array(lengths)[is_long], num_speakers)
    means = normalize(
        np.stack([stacked[is_long][labels == name].mean(0) for name in range(labels.max() + 1)])
    )  # [K, d]
    all_labels = (stacked @ means.T).argmax(1)
    all_labels[is_long] = labels
    ends = np.cumsum([-(-len(found) // MAX_WINDOWS) for found in vectors])
    return [
        np.full(len(found), all_labels[end - 1]) if len(found) <= MAX_WINDOWS else find_changes(found @ means.T)
        for found, end in zip(vectors, ends.tolist(), strict=True)
    ]


def find_changes(similarities: Float[np.ndarray, "W K"]) -> Int[np.ndarray, " W"]:
    """The speakers of successive windows: the largest sum of similarities, less a cost for each change (Viterbi).

    >>> find_changes(np.array([[0.9, 0.1], [0.4, 0.5], [0.9, 0.1], [0.0, 0.9], [0.0, 0.9]])).tolist()
    [0, 0, 0, 1, 1]
    """
    totals, before = similarities[0], []
    for row in similarities[1:]:
        before.append(np.where(totals >= totals.max() - CHANGE_COST, np.arange(len(totals)), int(totals.argmax())))
        totals = np.maximum(totals, totals.max() - CHANGE_COST) + row
    labels = [int(totals.argmax())]
    for pointers in reversed(before):
        labels.append(int(pointers[labels[-1]]))
    return np.array(labels[::-1])


def split_stretch(start: float, end: float, labels: Int[np.ndarray, " W"]) -> Iterator[tuple[float, float, int]]:
    """Start, end and label of each part of a stretch, whose windows have these labels. A change is between the centres of two windows."""
    half = min(WINDOW, end - start) / 2
    centres = np.linspace(start + half, end - half, len(labels))
    changes = [index for index, (before, after) in enumerate(pairwise(labels.tolist()), 1) if before != after]
    bounds = [start, *(float(centres[index - 1 : index + 1].mean()) for index in changes), end]
    for (first, last), index in zip(pairwise(bounds), [0, *changes], strict=True):
        yield first, last, int(labels[index])
