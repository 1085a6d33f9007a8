"""The voice encoder: a vector for each window of speech, close to the other vectors of the same person.

The network is that of Wan et al. 2018 (generalized end-to-end loss, GE2E), with the shapes and names of the public weights of Resemblyzer.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from mmerc import weights
from mmerc.media import SAMPLE_RATE
from mmerc.speakers.mel import HOP_LENGTH, NUM_BANDS, compute_mel

WEIGHTS = "voice-encoder"
SIZE = 256  # of a vector
FRAMES_PER_SECOND = SAMPLE_RATE // HOP_LENGTH
WINDOW, STEP = 1.6, 0.4  # seconds; the length that the public weights were trained on, and about from start to start
BATCH = 64  # windows that are computed together
TARGET_LEVEL = 10 ** (-30 / 20)  # root mean square to which quieter sound is raised, as in the training of the weights


class VoiceEncoder(nn.Module):
    """Three LSTM layers over the mel frames of a window, and a projection of the last state."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(NUM_BANDS, SIZE, num_layers=3, batch_first=True)
        self.linear = nn.Linear(SIZE, SIZE)

    def forward(self, mel: Float[Tensor, "B T M"]) -> Float[Tensor, "B d"]:
        """A vector of length 1 and without negative values for each window."""
        _, (state, _) = self.lstm(mel)  # [3, B, d]
        return nn.functional.normalize(self.linear(state[-1]).relu(), dim=1)

    @torch.inference_mode()
    def embed_stretches(self, stretches: Sequence[Float[np.ndarray, "..."]]) -> list[Float[np.ndarray, "W d"]]:
        """The vectors of the windows of each stretch of sound, at 16 kHz. `place_windows` says where the windows are."""
        groups: dict[int, list[tuple[int, int, Tensor]]] = defaultdict(
            list
        )  # by length: those of one length are a batch
        found: list[np.ndarray] = []
        for number, stretch in enumerate(stretches):
            mel = compute_mel(torch.from_numpy(raise_level(stretch)))  # [T, M]
            windows = place_windows(len(mel))
            found.append(np.zeros((len(windows), SIZE), np.float32))
            for row, (first, last) in enumerate(windows):
                groups[last - first].append((number, row, mel[first:last]))
        for group in groups.values():
            for start in range(0, len(group), BATCH):
                batch = group[start : start + BATCH]
                vectors = self(torch.stack([frames for _, _, frames in batch])).numpy()
                for (number, row, _), vector in zip(batch, vectors, strict=True):
                    found[number][row] = vector
        return found


def place_windows(num_frames: int) -> list[tuple[int, int]]:
    """First frame and end of each window of 1.6 s, every 0.4 s or so, from the first frame to the last one. A shorter stretch is one window.

    >>> place_windows(100), place_windows(250)
    ([(0, 100)], [(0, 160), (45, 205), (90, 250)])
    """
    length = round(WINDOW * FRAMES_PER_SECOND)
    if num_frames <= length:
        return [(0, num_frames)]
    count = 1 + max(1, round((num_frames - length) / (STEP * FRAMES_PER_SECOND)))
    starts = np.linspace(0, num_frames - length, count).round().astype(int).tolist()
    return [(start, start + length) for start in starts]


def raise_level(waveform: Float[np.ndarray, " S"]) -> Float[np.ndarray, " S"]:
    """Quiet sound raised to -30 dB of full scale; louder sound is unchanged."""
    level = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))) if len(waveform) else 0.0
    factor = TARGET_LEVEL / level if 0 < level < TARGET_LEVEL else 1.0
    return np.asarray(waveform * factor, np.float32)


def normalize(vectors: Float[np.ndarray, "*n d"]) -> Float[np.ndarray, "*n d"]:
    """The vectors scaled to length 1."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6))


@lru_cache(maxsize=1)
def load_voice_encoder() -> VoiceEncoder:
    """The network with its public weights.

    Raises:
        WeightsError: the weights are not on this machine. The message has the command that downloads them.
    """
    network = VoiceEncoder().eval().requires_grad_(False)
    tensors = weights.load(WEIGHTS)
    # The file also has the two numbers that only the loss of the training needs.
    weights.fill(network, {name: tensors[name] for name in network.state_dict() if name in tensors}, WEIGHTS)
    return network
