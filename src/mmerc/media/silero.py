"""Silero's network for voice activity, on many chunks at once.

The package `silero-vad` runs it once for each 32 ms, and most of the time is spent around the network. Here the convolutions read all
chunks together, and only the LSTM goes from chunk to chunk. The weights are those of the package's network for 16 kHz, and the layers are
those of its `tinygrad_model.py` (Silero Team, MIT).
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock, get_ident
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc import weights

CHUNK, CONTEXT = 512, 64  # samples of a chunk, and of the chunk before it that are read again
WINDOW, HOP, BINS = 256, 128, 129  # samples of a Fourier transform and between two; frequencies
WIDTH = 128  # of the LSTM
CHUNKS_AT_ONCE = 512  # 16 s: bounds the memory
# Chunks: a convolution reads a multiple of it. oneDNN prepares one anew for each new number, which takes as long as to compute it.
ROUND_TO = 16
# Names of the package's parameters, and of ours.
NAMES = {
    "stft.forward_basis_buffer": "stft_conv.weight",
    **{
        f"encoder.{number}.reparam_conv.{kind}": f"conv{number + 1}.{kind}"
        for number in range(4)
        for kind in ("weight", "bias")
    },
    **{f"decoder.rnn.{name}": f"lstm.{name}_l0" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")},
    "decoder.decoder.2.weight": "final_conv.weight",
    "decoder.decoder.2.bias": "final_conv.bias",
}
PREFIX = "_model."  # of the parameters of the network for 16 kHz
_import_lock = Lock()

State = tuple[Float[Tensor, "1 1 w"], Float[Tensor, "1 1 w"]]


class SileroNetwork(nn.Module):
    """Chunks with their context -> the probability that each has a voice."""

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 2 * BINS, WINDOW, HOP, bias=False)
        self.conv1 = nn.Conv1d(BINS, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, 2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, 2, padding=1)
        self.conv4 = nn.Conv1d(64, WIDTH, 3, padding=1)
        self.lstm = nn.LSTM(WIDTH, WIDTH)
        self.final_conv = nn.Conv1d(WIDTH, 1, 1)

    def forward(self, chunks: Float[Tensor, "N s"], state: State | None = None) -> tuple[Float[Tensor, " N"], State]:
        """`state`: that of the chunk before the first one."""
        x = F.pad(chunks, (0, CONTEXT), "reflect")[:, None]  # [N, 1, 640]
        if len(chunks) > ROUND_TO:
            x = F.pad(x, (0, 0, 0, 0, 0, -len(chunks) % ROUND_TO))  # [P, 1, 640]
        parts = self.stft_conv(x)  # [P, 258, 4]
        x = (parts[:, :BINS].square() + parts[:, BINS:].square()).sqrt()  # [P, 129, 4]
        for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = F.relu(convolution(x))  # [P, 128, 1] at the end
        hidden, state = self.lstm(x[: len(chunks), None, :, 0], state)  # [N, 1, 128]
        return torch.sigmoid(self.final_conv(F.relu(hidden.transpose(1, 2))))[:, 0, 0], state  # [N]


class VoiceProbabilities:
    """The probability of a voice in each chunk of one sound, which may come in parts."""

    def __init__(self) -> None:
        self.network = load_network()
        self._context = np.zeros(CONTEXT, np.float32)
        self._state: State | None = None

    @torch.inference_mode()
    def add(self, samples: Float[np.ndarray, " S"]) -> list[float]:
        """The probabilities of the next samples, a whole number of chunks at 16 kHz."""
        found: list[float] = []
        step = CHUNKS_AT_ONCE * CHUNK
        for first in range(0, len(samples), step):
            part = np.concatenate([self._context, samples[first : first + step].astype(np.float32)])
            self._context = part[-CONTEXT:]
            chunks = torch.from_numpy(part).unfold(0, CONTEXT + CHUNK, CHUNK)  # [N, 576]
            probabilities, self._state = self.network(chunks, self._state)
            found += probabilities.tolist()
        return found


@lru_cache(maxsize=1)
def load_network() -> SileroNetwork:
    """The network with the weights of the installed package.

    Raises:
        WeightsError: the package has another network.
    """
    found = import_package().load_silero_vad().state_dict()
    tensors = {
        NAMES.get(name.removeprefix(PREFIX), name): tensor for name, tensor in found.items() if name.startswith(PREFIX)
    }
    network = SileroNetwork()
    weights.fill(network, tensors, "silero-vad")
    return network.eval().requires_grad_(False)


@lru_cache(maxsize=1)
def import_package() -> Any:
    """The package `silero_vad`; torch keeps its number of threads. Every use of the package begins here."""
    with _import_lock, _keep_num_threads():
        return importlib.import_module("silero_vad")


@contextmanager
def _keep_num_threads() -> Iterator[None]:
    """What this thread does cannot change the number of torch's threads.

    The package sets it to 1 for the whole process. To set it back afterwards would be too late: a thread that begins to compute during the import
    would keep the 1.
    """
    importing, set_num_threads = get_ident(), torch.set_num_threads

    def set_elsewhere(nthreads: int) -> None:
        if get_ident() != importing:
            set_num_threads(nthreads)

    torch.set_num_threads = set_elsewhere
    try:
        yield
    finally:
        torch.set_num_threads = set_num_threads
