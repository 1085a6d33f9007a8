"""How long somebody speaks in a waveform: Silero's detector, whose package carries its own network."""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from mmerc.media.audio import SAMPLE_RATE


def seconds_of_speech(waveform: Float[np.ndarray, " S"]) -> float:
    """Seconds of speech at 16 kHz; noise, tones and music count for nothing, in so far as the network tells them."""
    network, speech_in = _detector()
    found = speech_in(torch.from_numpy(np.ascontiguousarray(waveform, np.float32)), network, sampling_rate=SAMPLE_RATE)
    return float(sum(stretch["end"] - stretch["start"] for stretch in found)) / SAMPLE_RATE


@lru_cache(maxsize=1)
def _detector() -> tuple[Any, Any]:
    threads = torch.get_num_threads()
    from silero_vad import get_speech_timestamps, load_silero_vad

    torch.set_num_threads(threads)  # importing it sets the whole process to one
    return load_silero_vad(), get_speech_timestamps
