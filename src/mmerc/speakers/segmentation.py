"""Segmentation: where the speaker of a recording changes, also without a pause.

A network (`pyannet`) reads windows of 10 s, which overlap. It numbers the people of each window anew, so what is averaged over the windows does
not depend on the numbers: how much the people before and after a frame differ.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float

from mmerc import weights
from mmerc.corpora import Clip
from mmerc.media import SAMPLE_RATE
from mmerc.media.audio import read_waveform_blocks
from mmerc.speakers.pyannet import CLASSES, PEOPLE, STEP, PyanNet, count_frames

WEIGHTS = "speaker-segmentation"
FRAMES = count_frames(10 * SAMPLE_RATE)  # of a window of 10 s
HOP = FRAMES // 2  # frames between the starts of two windows: all but the ends of a recording are read twice
FIRST_CENTRE = 495.5 / SAMPLE_RATE  # seconds of the centre of the first frame, which sees 991 samples
WINDOWS_AT_ONCE = 8
SIDE = 30  # frames on each side of a time that are compared: 0.5 s
MIN_SPEECH = 0.3  # share of a side that has speech, below which nothing is said about a change
CHANGE = 0.2  # difference above which the speaker changes; chosen on conversations without pauses of RAVDESS's actors 1 to 16
MIN_PART = 0.3  # seconds from a change to the ends of a stretch and to the next change


@dataclass(frozen=True)
class Segmentation:
    """What the network says of each frame of 16.9 ms.

    Attributes:
        change: how much the people before and after the frame differ, 0 to 1.
        start: seconds on the clock of the recording at which the first window begins.
    """

    change: Float[np.ndarray, " T"]
    start: float = 0.0

    @property
    def times(self) -> Float[np.ndarray, " T"]:
        """The centres of the frames, in seconds."""
        return self.start + FIRST_CENTRE + np.arange(len(self.change)) * STEP / SAMPLE_RATE

    def split(self, start: float, end: float) -> list[tuple[float, float]]:
        """The parts of a stretch of speech between the changes of the speaker. All are in seconds."""
        times = self.times
        inside = np.flatnonzero((times > start + MIN_PART) & (times < end - MIN_PART) & (self.change > CHANGE))
        cuts: list[float] = []
        for index in inside[np.argsort(-self.change[inside], kind="stable")].tolist():
            if all(abs(times[index] - cut) > MIN_PART for cut in cuts):
                cuts.append(float(times[index]))
        return list(pairwise([start, *sorted(cuts), end]))


class Segmenter(PyanNet):
    """The network, and the windows that it reads."""

    def segment(self, clip: Clip, on_progress: Callable[[float], None] = lambda seconds: None) -> Segmentation:
        """Read a recording of any length in bounded memory. `on_progress` is called with the seconds read so far.

        Raises:
            NoAudio, ClipNotFound, ClipUnreadable: the sound cannot be read.
        """
        sums = np.zeros((2, 0))  # of the differences, and the number of windows, of each frame
        for first, probabilities in self._read(read_waveform_blocks(clip), on_progress):
            sums = np.pad(sums, ((0, 0), (0, max(0, first + FRAMES - sums.shape[1]))))
            sums[0, first : first + FRAMES] += measure_change(probabilities)
            sums[1, first : first + FRAMES] += 1
        return Segmentation(sums[0] / np.maximum(sums[1], 1), clip.start)

    @torch.inference_mode()
    def _read(
        self, blocks: Iterator[Float[np.ndarray, " S"]], on_progress: Callable[[float], None]
    ) -> Iterator[tuple[int, Float[np.ndarray, "T K"]]]:
        """The first frame of each window, and the probabilities of its frames. The last window is filled with silence."""
        size, hop = 10 * SAMPLE_RATE, HOP * STEP
        first, rest = 0, np.zeros(0, np.float32)
        for block, is_last in _mark_last(blocks):
            rest = np.concatenate([rest, block.astype(np.float32)])
            count = max(0, (len(rest) - size) // hop + 1)
            if count < WINDOWS_AT_ONCE and not is_last:
                continue
            if is_last and (len(rest) > count * hop + size - hop or not count):
                count += 1
                rest = np.pad(rest, (0, max(0, (count - 1) * hop + size - len(rest))))
            if count:
                windows = torch.from_numpy(rest).unfold(0, size, hop)[:count]  # [N, S]
                for number, probabilities in enumerate(self(windows).numpy(), first):
                    yield number * HOP, probabilities
            first, rest = first + count, rest[count * hop :]
            on_progress(first * hop / SAMPLE_RATE)


def measure_change(probabilities: Float[np.ndarray, "T K"]) -> Float[np.ndarray, " T"]:
    """How much the people before and after each frame of a window differ: 1 - cosine of their shares of the half seconds before and after it.

    0 where there is little speech before or after the frame.
    """
    members = np.array([[person in people for person in range(PEOPLE)] for people in CLASSES], float)  # [K, P]
    activity = probabilities @ members  # [T, P]
    total = np.concatenate([np.zeros((1, PEOPLE)), activity.cumsum(0)])  # [T + 1, P]
    index = np.arange(len(activity))
    before = total[index] - total[np.maximum(index - SIDE, 0)]  # [T, P]: sums over a side
    after = total[np.minimum(index + SIDE, len(activity))] - total[index]
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    change = 1 - (before * after).sum(1) / np.maximum(lengths, 1e-9)
    has_speech = np.minimum(before.sum(1), after.sum(1)) >= MIN_SPEECH * SIDE
    return np.where(has_speech, change, 0.0)


def _mark_last(blocks: Iterator[Float[np.ndarray, " S"]]) -> Iterator[tuple[Float[np.ndarray, " S"], bool]]:
    before: np.ndarray | None = None
    for block in blocks:
        if before is not None:
            yield before, False
        before = block
    if before is not None:
        yield before, True


def find_segmenter() -> Segmenter | None:
    """The network; None if its weights are not on this machine."""
    return None if weights.find(WEIGHTS) is None else load_segmenter()


def load_segmenter() -> Segmenter:
    """The network with its public weights.

    Raises:
        WeightsError: the weights are not on this machine. The message has the command that downloads them.
    """
    return weights.load_network(Segmenter, WEIGHTS)
