"""Who speaks while the sound is still coming in: a change of the speaker ends a turn, and each turn gets its person.

Windows of 1.5 s, one every half second, become vectors. The running turn is split where the mean of the windows before a time and
the mean of those after it are far apart, unless both belong to the same known person.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from mmerc import weights
from mmerc.campplus import WEIGHTS
from mmerc.media import SAMPLE_RATE
from mmerc.media.voice_activity import find_speech
from mmerc.speakers.online import MAX_SPEAKERS, OnlineSpeakers
from mmerc.speakers.turns import Turn
from mmerc.speakers.voice_encoder import WINDOW, VoiceEncoder, load_voice_encoder, normalize
from mmerc.speakers.voices import MIN_SECONDS

# The values below were chosen on conversations without pauses of RAVDESS's actors 1 to 16; some were looked at on its other actors and EMO-DB too.
STEP = 0.5  # seconds from window to window
# Cosine of the voices before and after a time, below which the speaker changes there: with one window on one side, and with more.
SAME_WINDOW, SAME_VOICE = 0.4, 0.5
PURE = 0.6  # seconds from a change to the centre of a window that has little of the other voice
MIN_TURN = 1.0  # seconds
CUT_RANGE, CUT_SECONDS = 0.3, 0.16  # seconds on each side of a change, and the length of the quietest place in them
MAX_ENROLMENT = 30.0  # seconds of a voice

Read = Callable[[float, float], np.ndarray]  # the samples [S] between two times in seconds
SpeakersOption = Literal["auto", "off"]
log = logging.getLogger("mmerc")


@dataclass(frozen=True)
class _Window:
    centre: float
    vector: Float[np.ndarray, " d"]


class Enrolment(NamedTuple):
    """What came of an enrolment: seconds of speech of a person, or why there is none."""

    name: str
    seconds: float
    problem: str = ""


class LiveSpeakers:
    """The speakers of one stream. It keeps a vector for each person, and the sound of an enrolment until it ends."""

    def __init__(
        self,
        encoder: VoiceEncoder,
        *,
        max_speakers: int = MAX_SPEAKERS,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        """`is_busy`: whether windows are left out, because the computer has more urgent work; then only the end of each turn is read."""
        self.encoder, self.is_busy = encoder, is_busy
        self.known = OnlineSpeakers(max_speakers=max_speakers)
        self._start = -np.inf  # of the running turn, in seconds
        self._next = 0.0  # start of the next window
        self._windows: list[_Window] = []
        self._enrolling: tuple[str, float] | None = None  # name and number of seconds
        self._voice: list[np.ndarray] = []  # the sound of the enrolment
        self._enrolled_parts: list[Turn] = []  # whose speaker is known because it was said
        self._results: list[Enrolment] = []

    def follow(self, read: Read, start: float, now: float, *, has_ended: bool = False) -> list[Turn]:
        """The turns that have ended in the speech from `start` to `now`, in seconds of the stream.

        The last one ends at `now` if the speech `has_ended`; otherwise the speech goes on, and the next call gives the end of the last turn as `start`.
        """
        if start != self._start:
            self._windows = [each for each in self._windows if each.centre >= start + PURE]
            self._next = max(self._next, start)
            self._start = start
        turns = []
        while self._next + WINDOW <= now:
            first = self._next
            self._next += STEP
            if not self.is_busy():
                self._add_window(read, first, first + WINDOW)
                turns += self._split(read, now)
        if has_ended:
            last = max(self._start, now - WINDOW)  # the last words, which no window has reached
            if not self._windows or last + WINDOW / 2 > self._windows[-1].centre + STEP / 2:
                self._add_window(read, last, now)
                turns += self._split(read, now)
            turns.append(self._end(self._start, now, [each.vector for each in self._windows]))
        return turns

    def guess(self) -> str:
        """Who speaks in the running turn; empty before the first window."""
        return self.known.guess(self._mean()) if self._windows else ""

    def enrol(self, name: str, samples: Float[np.ndarray, " S"]) -> Enrolment:
        """Give a name to the person who speaks in a sample at 16 kHz, of which half a minute is read.

        A person without a name who has spoken with this voice gets the name from now on.
        """
        samples = np.asarray(samples, np.float32)[: int(MAX_ENROLMENT * SAMPLE_RATE)]
        speech = [samples[first:end] for first, end in find_speech(samples)]
        seconds = sum(map(len, speech)) / SAMPLE_RATE
        if seconds < MIN_SECONDS:
            return Enrolment(name, seconds, f"nobody speaks in the sample of {name}: send some seconds of speech.")
        (vectors,) = self.encoder.embed_stretches([np.concatenate(speech)])
        self.known.enrol(name, normalize(vectors.mean(0)), seconds)
        return Enrolment(name, round(seconds, 3))

    def enrol_next(self, name: str, seconds: float) -> None:
        """Give a name to the person who speaks in the next seconds, at most 30. `take_enrolments` has the result when they have passed."""
        self._enrolling, self._voice = (name, min(seconds, MAX_ENROLMENT)), []

    def hear(self, block: Float[np.ndarray, " S"], end: float) -> None:
        """Keep the sound of an enrolment. `end`: the time of the end of the block."""
        if self._enrolling is None:
            return
        name, seconds = self._enrolling
        start = end - len(block) / SAMPLE_RATE
        if not self._voice:
            self._enrolled_parts = [*self._enrolled_parts[-1:], Turn(start, start + seconds, name)]
        self._voice.append(block)
        if sum(map(len, self._voice)) >= seconds * SAMPLE_RATE:
            self._results.append(self.enrol(name, np.concatenate(self._voice)))
            self._enrolling, self._voice = None, []

    def take_enrolments(self) -> list[Enrolment]:
        """The results of `enrol_next` since the last call."""
        results, self._results = self._results, []
        return results

    def _mean(self) -> Float[np.ndarray, " d"]:
        return normalize(np.mean([each.vector for each in self._windows], 0))

    def _add_window(self, read: Read, start: float, end: float) -> None:
        (vectors,) = self.encoder.embed_stretches([read(start, end)[: round(WINDOW * SAMPLE_RATE)]])
        self._windows.append(_Window((start + end) / 2, vectors[0]))

    def _split(self, read: Read, now: float) -> list[Turn]:
        """End the running turn where the speaker has changed; nothing otherwise."""
        centres = np.array([each.centre for each in self._windows])
        vectors = np.stack([each.vector for each in self._windows])
        voices = find_change(centres, vectors)
        if voices is None or self._is_same_person(*voices):
            return []
        change = locate_change(centres, vectors @ (voices[0] - voices[1]))
        if change is None:
            return []
        first = max(change - CUT_RANGE, self._start)
        cut = first + find_quietest(read(first, min(change + CUT_RANGE, now)))
        if cut - self._start < MIN_TURN or now - cut < MIN_TURN / 2:
            return []
        before = vectors[centres <= cut - PURE]
        turn = self._end(self._start, cut, list(before) or [voices[0]])
        self._start = cut
        self._windows = [each for each in self._windows if each.centre >= cut + PURE]
        return [turn]

    def _is_same_person(self, before: Float[np.ndarray, " d"], after: Float[np.ndarray, " d"]) -> bool:
        first, second = self.known.find(before), self.known.find(after)
        return first is not None and second is not None and first == second and first.is_same

    def _end(self, start: float, end: float, vectors: list[np.ndarray]) -> Turn:
        name = self.known.add(normalize(np.mean(vectors, 0)), end - start)
        for part in self._enrolled_parts:
            if min(end, part.end) - max(start, part.start) > (end - start) / 2:
                name = part.speaker
        return Turn(start, end, name)


def find_change(
    centres: Float[np.ndarray, " W"], vectors: Float[np.ndarray, "W d"]
) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"]] | None:
    """The voices before and after a change of the speaker: means of windows that do not overlap; None if there is no change."""
    least, found = 0.0, None
    for index in range(1, len(vectors)):
        earlier = vectors[centres <= centres[index] - WINDOW + 1e-6]
        if not len(earlier):
            continue
        before, after = normalize(earlier.mean(0)), normalize(vectors[index:].mean(0))
        limit = SAME_WINDOW if min(len(earlier), len(vectors) - index) == 1 else SAME_VOICE
        difference = float(before @ after) - limit
        if difference < least:
            least, found = difference, (before, after)
    return found


def locate_change(centres: Float[np.ndarray, " W"], leaning: Float[np.ndarray, " W"]) -> float | None:
    """The time of a change. `leaning`: how much nearer each window is to the voice before it than to the one after it.

    >>> locate_change(np.array([1.0, 1.5, 2.0, 2.5]), np.array([0.5, 0.2, -0.2, -0.6]))
    1.75
    """
    index = int(np.concatenate([[0.0], np.cumsum(leaning)]).argmax())  # windows before the change
    if not 0 < index < len(leaning):
        return None
    last, first = float(leaning[index - 1]), float(leaning[index])
    share = last / (last - first) if last > first else 0.5
    return float(centres[index - 1] + np.clip(share, 0, 1) * (centres[index] - centres[index - 1]))


def find_quietest(samples: Float[np.ndarray, " S"]) -> float:
    """The middle of the quietest place of 0.16 s, in seconds from the first sample."""
    length = min(round(CUT_SECONDS * SAMPLE_RATE), len(samples))
    if not length:
        return 0.0
    energies = np.cumsum(np.concatenate([[0.0], np.square(samples, dtype=np.float64)]))
    return float((energies[length:] - energies[:-length]).argmin() + length / 2) / SAMPLE_RATE


def find_encoder(option: SpeakersOption) -> VoiceEncoder | None:
    """The network for `LiveSpeakers`. None with `off`, and where its weights are not on this machine, which is logged."""
    if option == "off":
        return None
    if weights.find(WEIGHTS) is None:
        log.warning(
            "the speakers of live streams are not told apart: `mmerc weights fetch %s` fetches the network", WEIGHTS
        )
        return None
    return load_voice_encoder()
