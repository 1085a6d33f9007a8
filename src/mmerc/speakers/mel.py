"""The mel spectrogram that the voice encoder reads: power, not its logarithm, on the scale of Slaney's Auditory Toolbox (1998).

The scale is linear below 1 kHz and logarithmic above it. Each triangular filter has the same area.
"""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from mmerc.media import SAMPLE_RATE

NUM_BANDS = 40
WIN_LENGTH, HOP_LENGTH = 400, 160  # samples: 25 ms and 10 ms
HERTZ_PER_MEL, BREAK = 200 / 3, 1000.0  # below the break
OCTAVES_PER_MEL = torch.tensor(6.4).log2() / 27  # above it


@lru_cache(maxsize=1)
def make_filters() -> Float[Tensor, "M F"]:
    """40 triangular filters of equal width on the scale, from 0 Hz to half the sample rate."""
    top = BREAK / HERTZ_PER_MEL + torch.tensor(SAMPLE_RATE / 2 / BREAK).log2() / OCTAVES_PER_MEL
    mels = torch.linspace(0, float(top), NUM_BANDS + 2)
    above = BREAK * 2 ** (OCTAVES_PER_MEL * (mels - BREAK / HERTZ_PER_MEL))
    edges = torch.where(mels * HERTZ_PER_MEL < BREAK, mels * HERTZ_PER_MEL, above)  # [M + 2], Hz
    frequencies = torch.linspace(0, SAMPLE_RATE / 2, WIN_LENGTH // 2 + 1)  # [F]
    lower, centre, upper = (edges[first : first + NUM_BANDS, None] for first in range(3))  # [M, 1]
    rising, falling = (frequencies - lower) / (centre - lower), (upper - frequencies) / (upper - centre)
    return torch.minimum(rising, falling).clamp(min=0) * 2 / (upper - lower)


def compute_mel(waveform: Float[Tensor, " S"]) -> Float[Tensor, "T M"]:
    """The power in each band, in T = S // 160 + 1 frames. Frame t is centred at sample 160 t; outside of the waveform is silence."""
    samples = torch.nn.functional.pad(waveform, (WIN_LENGTH // 2, WIN_LENGTH // 2))
    spectrum = torch.stft(
        samples, WIN_LENGTH, HOP_LENGTH, window=torch.hann_window(WIN_LENGTH), center=False, return_complex=True
    )
    power = spectrum.real.square() + spectrum.imag.square()  # [F, T]
    return (make_filters() @ power).T
