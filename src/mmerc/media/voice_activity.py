"""When somebody speaks in a waveform: Silero's detector, whose package carries its own network."""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from mmerc.media.audio import SAMPLE_RATE


def stretches_of_speech(waveform: Float[np.ndarray, " S"]) -> list[tuple[int, int]]:
    """First sample and end of each stretch of speech at 16 kHz; noise, tones and music are none, in so far as the
    network tells them."""
    network, speech_in = _detector()
    found = speech_in(torch.from_numpy(np.ascontiguousarray(waveform, np.float32)), network, sampling_rate=SAMPLE_RATE)
    return [(int(stretch["start"]), int(stretch["end"])) for stretch in found]


@lru_cache(maxsize=1)
def _detector() -> tuple[Any, Any]:
    threads = torch.get_num_threads()
    from silero_vad import get_speech_timestamps, load_silero_vad

    torch.set_num_threads(threads)  # importing it sets the whole process to one
    return load_silero_vad(), get_speech_timestamps
