"""Statistics over an utterance of the layers of CAM++, a network for speaker recognition.

It was trained to recognise speakers, many of them Chinese, and describes a voice differently from a network for speech recognition.
"""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from mmerc import weights
from mmerc.campplus import WEIGHTS
from mmerc.campplus.fbank import compute_fbank, pad
from mmerc.campplus.network import CamPlusPlus, Statistics, sequence

# The third block is left out: it takes time, and its output tells emotions less well apart (A34 in docs/experiments.md).
SUBMODULES = ("tdnn", "block1", "transit1", "block2", "transit2")
NUM_STATISTICS = 1024  # means and standard deviations of 512 channels


class VoiceStatistics(nn.Module):
    """The first two of the three blocks of CAM++, frozen. The names of the weights are those of the public ones."""

    def __init__(self, *, pretrained: bool) -> None:
        """`pretrained`: load the public weights; otherwise they are random.

        Raises:
            WeightsError: the public weights are not on this machine. The message has the command that downloads them.
        """
        super().__init__()
        whole = CamPlusPlus()
        self.head = whole.head
        self.xvector = sequence(**{name: whole.xvector.get_submodule(name) for name in SUBMODULES})
        self.statistics = Statistics()
        if pretrained:
            own, tensors = self.state_dict(), weights.load(WEIGHTS)
            weights.fill(self, {name: value for name, value in tensors.items() if name in own}, WEIGHTS)
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, waveform: Float[np.ndarray, " S"]) -> Float[Tensor, " v"]:
        """The means, then the standard deviations, of the channels over time; v = `NUM_STATISTICS`. `waveform` is at 16 kHz."""
        device = self.head.conv1.weight.device
        bands = compute_fbank(pad(torch.from_numpy(waveform).float()))[None].to(device)  # [1, T, M]
        hidden = self.xvector(self.head(bands))  # [1, T / 2, C]; in bfloat16 its many small operations are slower
        found: Tensor = self.statistics(hidden).flatten()
        return found

    def train(self, mode: bool = True) -> "VoiceStatistics":
        return super().train(False)  # it is frozen


def count_rows(step_shape: tuple[int, int]) -> int:
    """How many steps of K layers of d numbers the statistics fill."""
    return -(-NUM_STATISTICS // math.prod(step_shape))


def join_statistics(voice: Float[np.ndarray, " v"], steps: Float[np.ndarray, "T K d"]) -> Float[np.ndarray, "R K d"]:
    """One array of the statistics and the steps of an utterance. The statistics are its first rows, with zeros at the end of the last one.

    >>> join_statistics(np.ones(NUM_STATISTICS), np.zeros((3, 4, 512))).shape
    (4, 4, 512)
    """
    rows = np.zeros((count_rows(steps.shape[1:]), *steps.shape[1:]), steps.dtype)
    rows.reshape(-1)[:NUM_STATISTICS] = voice
    return np.concatenate([rows, steps])


def split_statistics(values: Float[np.ndarray, "R K d"]) -> tuple[Float[np.ndarray, " v"], Float[np.ndarray, "T K d"]]:
    """What `join_statistics` has joined.

    >>> voice, steps = split_statistics(join_statistics(np.ones(NUM_STATISTICS), np.zeros((3, 4, 512))))
    >>> voice.shape, steps.shape
    ((1024,), (3, 4, 512))
    """
    count = count_rows(values.shape[1:])
    return values[:count].reshape(-1)[:NUM_STATISTICS], values[count:]
