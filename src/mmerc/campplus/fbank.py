"""The features that the voice encoder reads: log mel filter banks as Kaldi computes them (its options for `fbank`, without dither).

Of each frame of 25 ms: the mean is subtracted, high frequencies are raised (pre-emphasis), Povey's window is applied, and the power in 80 bands
of equal width on the mel scale is computed. The samples are in [-1, 1]; Kaldi's own programs use the range of int16.
"""

import math
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from mmerc.media import SAMPLE_RATE

NUM_BANDS = 80
LOWEST, HIGHEST = 20.0, SAMPLE_RATE / 2  # Hz
WIN_LENGTH, HOP_LENGTH, FFT_LENGTH = 400, 160, 512  # samples: 25 ms, 10 ms, and the next power of two
MIN_SAMPLES = SAMPLE_RATE // 10
PREEMPHASIS = 0.97
FLOOR = torch.finfo(torch.float32).eps  # the least power in a band


@lru_cache(maxsize=1)
def make_filters() -> Float[Tensor, "M F"]:
    """The weights of the frequencies in each band: triangles on the mel scale, each from the peak of the band before to that of the next one."""
    edges = torch.linspace(_to_mel(LOWEST), _to_mel(HIGHEST), NUM_BANDS + 2)
    mels = torch.tensor([_to_mel(index * SAMPLE_RATE / FFT_LENGTH) for index in range(FFT_LENGTH // 2 + 1)])  # [F]
    lower, centre, upper = (edges[first : first + NUM_BANDS, None] for first in range(3))  # [M, 1]
    rising, falling = (mels - lower) / (centre - lower), (upper - mels) / (upper - centre)
    return torch.minimum(rising, falling).clamp(min=0)


def pad(waveform: Float[Tensor, " S"]) -> Float[Tensor, " P"]:
    """The waveform, with silence to 0.1 s at its end, so that CAM++ has several steps to compute a deviation of."""
    return torch.nn.functional.pad(waveform, (0, max(0, MIN_SAMPLES - len(waveform))))


def compute_fbank(waveform: Float[Tensor, " S"]) -> Float[Tensor, "T M"]:
    """The logarithm of the power in each band, less its mean over time. T = 1 + (S - 400) // 160; a shorter waveform is padded to one frame."""
    samples = torch.nn.functional.pad(waveform, (0, max(0, WIN_LENGTH - len(waveform))))
    frames = samples.unfold(0, WIN_LENGTH, HOP_LENGTH)  # [T, 400]
    frames = frames - frames.mean(1, keepdim=True)
    before = torch.cat([frames[:, :1], frames[:, :-1]], 1)  # the first sample of a frame has itself before it
    frames = (frames - PREEMPHASIS * before) * _make_window()
    spectrum = torch.fft.rfft(frames, FFT_LENGTH)  # [T, F]
    power = spectrum.real.square() + spectrum.imag.square()
    bands: Tensor = (power @ make_filters().T).clamp(min=FLOOR).log()  # [T, M]
    return bands - bands.mean(0)


@lru_cache(maxsize=1)
def _make_window() -> Float[Tensor, " W"]:
    window: Tensor = torch.hann_window(WIN_LENGTH, periodic=False)
    return window.pow(0.85)  # Povey's


def _to_mel(frequency: float) -> float:
    return 1127 * math.log(1 + frequency / 700)
