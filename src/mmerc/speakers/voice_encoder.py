"""The voice encoder: a vector for each window of speech, close to the other vectors of the same person."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from mmerc import weights
from mmerc.campplus import WEIGHTS
from mmerc.campplus.fbank import compute_fbank, pad
from mmerc.campplus.network import SIZE, CamPlusPlus
from mmerc.media import SAMPLE_RATE

WINDOW, STEP = 1.5, 0.75  # seconds; about from start to start
BATCH = 16  # windows that are computed together
# Samples: short windows lose less than this, so that they have few lengths and can be computed together.
ROUND_TO = SAMPLE_RATE // 10


class VoiceEncoder(CamPlusPlus):
    """The network, and the windows that it reads."""

    @torch.inference_mode()
    def embed_stretches(self, stretches: Sequence[Float[np.ndarray, "..."]]) -> list[Float[np.ndarray, "_ d"]]:
        """The vectors, of length 1, of the windows of each stretch of sound at 16 kHz. `place_windows` says where the windows are."""
        # By length: those of one length are a batch.
        groups: dict[int, list[tuple[int, int, np.ndarray]]] = defaultdict(list)
        found: list[np.ndarray] = []
        for number, stretch in enumerate(stretches):
            windows = place_windows(len(stretch))
            found.append(np.zeros((len(windows), SIZE), np.float32))
            for row, (first, last) in enumerate(windows):
                samples = stretch[first : last - (last - first) % ROUND_TO] if last - first > ROUND_TO else stretch
                groups[len(samples)].append((number, row, samples))
        for group in groups.values():
            for start in range(0, len(group), BATCH):
                batch = group[start : start + BATCH]
                features = [compute_fbank(pad(torch.from_numpy(samples))) for _, _, samples in batch]
                vectors = normalize(self(torch.stack(features)).numpy())  # [B, d]
                for (number, row, _), vector in zip(batch, vectors, strict=True):
                    found[number][row] = vector
        return found


def place_windows(num_samples: int) -> list[tuple[int, int]]:
    """First sample and end of each window of 1.5 s, every 0.75 s or so, from the first sample to the last one. A shorter stretch is one window.

    >>> place_windows(16_000), place_windows(48_000)
    ([(0, 16000)], [(0, 24000), (12000, 36000), (24000, 48000)])
    """
    length = round(WINDOW * SAMPLE_RATE)
    if num_samples <= length:
        return [(0, num_samples)]
    count = 1 + max(1, round((num_samples - length) / (STEP * SAMPLE_RATE)))
    starts = np.linspace(0, num_samples - length, count).round().astype(int).tolist()
    return [(start, start + length) for start in starts]


def normalize(vectors: Float[np.ndarray, "*n d"]) -> Float[np.ndarray, "*n d"]:
    """The vectors scaled to length 1."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6))


def load_voice_encoder() -> VoiceEncoder:
    """The network with its public weights.

    Raises:
        WeightsError: the weights are not on this machine. The message has the command that downloads them.
    """
    return weights.load_network(VoiceEncoder, WEIGHTS)
