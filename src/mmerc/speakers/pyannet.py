"""PyanNet, a network that says who of up to three people speaks in each frame of a window (Bredin and Laurent 2021; Plaquet and Bredin 2023).

Learned band-pass filters (SincNet, Ravanelli and Bengio 2018) and two convolutions make a sequence of about 59 frames per second, which LSTMs
read in both directions. Each class is a set of people, so that two can speak at once ("powerset"). The names of the parameters are those of
the public weights, pyannote/segmentation-3.0.
"""

import math
from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.media import SAMPLE_RATE

PEOPLE = 3  # in one window
# The people of each class: nobody, one, two at once.
CLASSES = [people for size in range(3) for people in combinations(range(PEOPLE), size)]
FILTERS, TAPS, STRIDE = 80, 251, 10  # of the first layer; the stride in samples
MIN_LOW, MIN_BAND = 50.0, 50.0  # Hz: the least of a filter's lower edge and of its width
CHANNELS, KERNEL, POOL = 60, 5, 3
WIDTH, NUM_LSTMS = 128, 4
STEP = STRIDE * POOL**3  # samples from frame to frame: 16.9 ms


class PyanNet(nn.Module):
    """The whole network."""

    def __init__(self) -> None:
        super().__init__()
        self.sincnet = SincNet()
        self.lstm = nn.LSTM(CHANNELS, WIDTH, NUM_LSTMS, batch_first=True, bidirectional=True)
        self.linear = nn.ModuleList([nn.Linear(2 * WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)])
        self.classifier = nn.Linear(WIDTH, len(CLASSES))

    def forward(self, waveforms: Float[Tensor, "B S"]) -> Float[Tensor, "B T K"]:
        """The probability of each of `CLASSES` in each frame. `waveforms`: at 16 kHz; it was trained on windows of 10 s."""
        hidden = self.lstm(self.sincnet(waveforms).transpose(1, 2))[0]  # [B, T, 2 * WIDTH]
        for layer in self.linear:
            hidden = F.leaky_relu(layer(hidden))  # [B, T, WIDTH]
        probabilities: Tensor = self.classifier(hidden).softmax(2)
        return probabilities


class SincNet(nn.Module):
    """The waveform -> a sequence of vectors: filters and convolutions, each with max pooling and a normalisation over the window."""

    def __init__(self) -> None:
        super().__init__()
        self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
        self.conv1d = nn.ModuleList(
            [BandPass(), nn.Conv1d(FILTERS, CHANNELS, KERNEL), nn.Conv1d(CHANNELS, CHANNELS, KERNEL)]
        )
        self.norm1d = nn.ModuleList([nn.InstanceNorm1d(size, affine=True) for size in (FILTERS, CHANNELS, CHANNELS)])

    def forward(self, waveforms: Float[Tensor, "B S"]) -> Float[Tensor, "B C T"]:
        hidden: Tensor = self.wav_norm1d(waveforms[:, None])  # [B, 1, S]
        for convolution, norm in zip(self.conv1d, self.norm1d, strict=True):
            hidden = F.leaky_relu(norm(F.max_pool1d(convolution(hidden), POOL)))  # [B, C, T]
        return hidden


class BandPass(nn.Module):
    """The magnitude of the output of band-pass filters, of which only the edges are learned: half of them are even, half are odd."""

    def __init__(self) -> None:
        super().__init__()
        self.filterbank = Edges()

    def forward(self, waveforms: Float[Tensor, "B 1 S"]) -> Float[Tensor, "B F T"]:
        return F.conv1d(waveforms, self.filterbank(), stride=STRIDE).abs()


class Edges(nn.Module):
    """The edges of the filters in Hz, and the filters that they make."""

    window_: Tensor
    n_: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.low_hz_ = nn.Parameter(torch.zeros(FILTERS // 2, 1))
        self.band_hz_ = nn.Parameter(torch.zeros(FILTERS // 2, 1))
        half = TAPS // 2
        # The left half of a Hamming window, and 2 pi times the times in seconds of the taps before the centre.
        self.register_buffer("window_", torch.hamming_window(2 * half + 1, periodic=False)[:half])
        self.register_buffer("n_", 2 * math.pi * torch.arange(-half, 0.0)[None] / SAMPLE_RATE)

    def forward(self) -> Float[Tensor, "F 1 taps"]:
        low = MIN_LOW + self.low_hz_.abs()  # [F / 2, 1]
        high = (low + MIN_BAND + self.band_hz_.abs()).clamp(MIN_LOW, SAMPLE_RATE / 2)
        band = high - low
        shape = 2 * self.window_ / self.n_  # [taps / 2]
        even = ((high @ self.n_).sin() - (low @ self.n_).sin()) * shape  # [F / 2, taps / 2]: before the centre
        odd = ((low @ self.n_).cos() - (high @ self.n_).cos()) * shape
        filters = torch.cat(
            [
                torch.cat([even, 2 * band, even.flip(1)], 1),
                torch.cat([odd, torch.zeros_like(band), -odd.flip(1)], 1),
            ]
        )
        return (filters / (2 * band).repeat(2, 1))[:, None]


def count_frames(num_samples: int) -> int:
    """The number of frames of a window.

    >>> count_frames(160_000)
    589
    """
    length = ((num_samples - TAPS) // STRIDE + 1) // POOL
    for _ in range(2):
        length = (length - KERNEL + 1) // POOL
    return length
