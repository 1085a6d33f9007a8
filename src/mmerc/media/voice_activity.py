"""When somebody speaks in a waveform: Silero's detector, whose package carries its own network."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
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


def stretches_of_speech(waveform: Float[np.ndarray, " S"]) -> list[tuple[int, int]]:
    """First sample and end of each stretch of speech at 16 kHz; noise, tones and music are none, in so far as the
    network tells them."""
    network, speech_in = _detector()
    found = speech_in(
        torch.from_numpy(np.ascontiguousarray(waveform, np.float32)),
        network,
        sampling_rate=SAMPLE_RATE,
        threshold=FAINT,
        neg_threshold=OVER,
        min_speech_duration_ms=90,
    )
    return [(int(stretch["start"]), int(stretch["end"])) for stretch in found]


def turns_of_speech(clip: Clip) -> Iterator[tuple[float, float]]:
    """Start and end, in seconds, of each stretch of speech in a recording of any length, in bounded memory.

    A pause of half a second ends a stretch; one of more than 30 s is cut there; one below 0.25 s is left out.

    Raises:
        NoAudio, ClipNotFound, ClipUnreadable: the recording has no sound, or is none.
    """
    network, _ = _detector()
    from silero_vad import VADIterator

    detector = VADIterator(
        network, sampling_rate=SAMPLE_RATE, threshold=STREAMED, min_silence_duration_ms=int(1000 * PAUSE)
    )
    start: float | None = None
    heard = 0
    for block in _blocks_of(CHUNK, waveform_blocks(clip)):
        heard += CHUNK
        found = detector(torch.from_numpy(block)) or {}
        now = clip.start + heard / SAMPLE_RATE
        if "start" in found:
            start = clip.start + found["start"] / SAMPLE_RATE
        end = clip.start + found["end"] / SAMPLE_RATE if "end" in found else now
        if start is not None and ("end" in found or now - start >= LONGEST_TURN):
            if end - start >= SHORTEST_TURN:
                yield start, end
            start = None if "end" in found else end
    if start is not None and clip.start + heard / SAMPLE_RATE - start >= SHORTEST_TURN:
        yield start, clip.start + heard / SAMPLE_RATE


def _blocks_of(size: int, blocks: Iterable[Float[np.ndarray, " _"]]) -> Iterator[Float[np.ndarray, " N"]]:
    """The same samples in blocks of one size, the last filled with silence."""
    left = np.zeros(0, np.float32)
    for block in blocks:
        left = np.concatenate([left, block])
        whole = len(left) // size * size
        yield from left[:whole].reshape(-1, size)
        left = left[whole:]
    if len(left):
        yield np.pad(left, (0, size - len(left)))


@lru_cache(maxsize=1)
def _detector() -> tuple[Any, Any]:
    threads = torch.get_num_threads()
    from silero_vad import get_speech_timestamps, load_silero_vad

    torch.set_num_threads(threads)  # importing it sets the whole process to one
    return load_silero_vad(), get_speech_timestamps
