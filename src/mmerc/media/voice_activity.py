"""When somebody speaks in a waveform: Silero's detector, whose package carries its own network."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from mmerc.corpora import Clip
from mmerc.media.audio import SAMPLE_RATE, waveform_blocks

# The detector's probability above which somebody speaks. Its own 0.5 takes screams for noise, 14 of RAVDESS's 1,320 clips,
# all of strong emotion; steady noise, tones and hum stay below 0.07.
FAINT = 0.15
OVER = 0.01  # below it a stretch ends: what trails off belongs to it, and in noise so does the noise behind it
STREAMED = 0.3  # the detector's form for streams ends a stretch 0.15 below it
CHUNK = 512  # samples that the detector takes at a time
PAUSE, SHORTEST_TURN, LONGEST_TURN = 0.5, 0.25, 30.0  # seconds
ONE_AT_A_TIME = Lock()  # the shared detector remembers what it heard last


def stretches_of_speech(waveform: Float[np.ndarray, " S"]) -> list[tuple[int, int]]:
    """First sample and end of each stretch of speech at 16 kHz; noise, tones and music are none, in so far as the
    network tells them."""
    network, speech_in = _shared()
    with ONE_AT_A_TIME:
        found = speech_in(
            torch.from_numpy(np.ascontiguousarray(waveform, np.float32)),
            network,
            sampling_rate=SAMPLE_RATE,
            threshold=FAINT,
            neg_threshold=OVER,
            min_speech_duration_ms=90,
        )
    return [(int(stretch["start"]), int(stretch["end"])) for stretch in found]


class TurnDetector:
    """Finds when somebody speaks in sound that is still coming in, in bounded memory.

    A pause of half a second ends a turn; one of more than 30 s is cut there; one below 0.25 s is left out.
    """

    def __init__(self) -> None:
        from silero_vad import VADIterator

        self.detector = VADIterator(
            _loaded()[0], sampling_rate=SAMPLE_RATE, threshold=STREAMED, min_silence_duration_ms=int(1000 * PAUSE)
        )
        self.left = np.zeros(0, np.float32)
        self.heard = 0  # samples that the detector has been given
        self.start: float | None = None  # of the turn that goes on now, in seconds

    def hear(self, samples: Float[np.ndarray, " S"]) -> list[tuple[float, float]]:
        """Start and end, in seconds from the first sample heard, of each turn that ends within these samples."""
        self.left = np.concatenate([self.left, samples.astype(np.float32)])
        whole = len(self.left) // CHUNK * CHUNK
        chunks, self.left = self.left[:whole].reshape(-1, CHUNK), self.left[whole:]
        return [turn for chunk in chunks for turn in self._chunk(chunk)]

    def finish(self) -> list[tuple[float, float]]:
        """The turn that was going on when the sound ended."""
        now = (self.heard + len(self.left)) / SAMPLE_RATE
        start, self.start = self.start, None
        return [(start, now)] if start is not None and now - start >= SHORTEST_TURN else []

    def _chunk(self, chunk: Float[np.ndarray, " C"]) -> list[tuple[float, float]]:
        self.heard += CHUNK
        found = self.detector(torch.from_numpy(chunk)) or {}
        if "start" in found:
            self.start = found["start"] / SAMPLE_RATE
        now = self.heard / SAMPLE_RATE
        end = found["end"] / SAMPLE_RATE if "end" in found else now
        if self.start is None or not ("end" in found or now - self.start >= LONGEST_TURN):
            return []
        start, self.start = self.start, None if "end" in found else end
        return [(start, end)] if end - start >= SHORTEST_TURN else []


def turns_of_speech(clip: Clip, watch: Callable[[float], None] = lambda seconds: None) -> Iterator[tuple[float, float]]:
    """Start and end, in seconds, of each turn of speech in a recording of any length (`TurnDetector`).

    `watch` is told every now and then how many seconds have been heard; what it raises ends the work.

    Raises:
        NoAudio, ClipNotFound, ClipUnreadable: the recording has no sound, or is none.
    """
    detector = TurnDetector()
    for block in waveform_blocks(clip):
        watch(detector.heard / SAMPLE_RATE)
        for start, end in detector.hear(block):
            yield clip.start + start, clip.start + end
    for start, end in detector.finish():
        yield clip.start + start, clip.start + end


@lru_cache(maxsize=1)
def _shared() -> tuple[Any, Any]:
    return _loaded()


def _loaded() -> tuple[Any, Any]:
    """The detector, which remembers what it heard last, and the function that runs it over a whole waveform."""
    threads = torch.get_num_threads()
    from silero_vad import get_speech_timestamps, load_silero_vad

    network = load_silero_vad()
    torch.set_num_threads(threads)  # importing it sets the whole process to one
    return network, get_speech_timestamps
