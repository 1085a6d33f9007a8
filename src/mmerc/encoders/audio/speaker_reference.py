"""How a speaker usually sounds: statistics of the same speaker's other utterances, as a reference for one utterance.

A voice that is loud and high in every utterance says little about the emotion of one of them. The difference to the speaker's
other utterances says more.
"""

import random
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mmerc.config import Protocol

MOMENTUM = 0.05  # weight of a batch in the running statistics of training
MIN_VARIANCE = 1e-6


def find_references(
    speakers: Sequence[str], groups: Sequence[int], protocol: Protocol, rng: random.Random | None = None
) -> Bool[np.ndarray, "B B"]:
    """Return which utterances (axis 1) are a reference for each utterance (axis 0).

    References are the other utterances of the same speaker in the same group, that is, in the same dialogue; with the `online`
    protocol the earlier ones. An utterance whose speaker is not known has none. With `rng`, as in training, a random number of
    them is kept, from none to all, so that the network learns to use few as well as many.

    >>> find_references(["A", "B", "A"], [0, 0, 0], "offline").tolist()
    [[False, False, True], [False, False, False], [True, False, False]]
    >>> find_references(["A", "B", "A"], [0, 0, 0], "online").tolist()
    [[False, False, False], [False, False, False], [True, False, False]]
    """
    names, group = np.asarray(speakers, dtype=object), np.asarray(groups)
    is_reference: np.ndarray = (names[:, None] == names) & (group[:, None] == group) & (names != "")  # [B, B]
    np.fill_diagonal(is_reference, False)
    if protocol == "online":
        is_reference = np.tril(is_reference)
    if rng is not None:
        for row in is_reference:
            found = np.flatnonzero(row)
            count = min(len(found), round((1 + len(found)) ** rng.random() - 1))  # few references are as likely as many
            row[rng.sample(list(found), len(found) - count)] = False
    return is_reference


class SpeakerNormalization(nn.Module):
    """Normalises the vector of an utterance by the mean and the standard deviation of its references' vectors.

    With n references the moments are (n * references + k * training) / (n + k): where there are few, those of the training
    corpus count more. k is learned.
    """

    running_mean: Tensor
    running_square: Tensor
    num_batches: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_square", torch.ones(width))
        self.register_buffer("num_batches", torch.tensor(0))
        self.log_shrinkage = nn.Parameter(torch.tensor(1.0))  # log k

    def forward(self, vectors: Float[Tensor, "B d"], is_reference: Bool[Tensor, "B B"]) -> Float[Tensor, "B d"]:
        """Row i of `is_reference` has the references of utterance i (see `find_references`)."""
        moments = torch.cat([vectors, vectors.square()], 1)  # [B, 2 d]
        if self.training:
            self._update(moments.detach())
        weights = is_reference.to(vectors.dtype)  # [B, B]
        shrinkage = self.log_shrinkage.exp()
        prior = torch.cat([self.running_mean, self.running_square])  # [2 d]
        shrunk = (weights @ moments + shrinkage * prior) / (weights.sum(1, keepdim=True) + shrinkage)  # [B, 2 d]
        mean, square = shrunk.chunk(2, dim=1)  # [B, d] each
        return (vectors - mean) * (square - mean.square()).clamp(min=MIN_VARIANCE).rsqrt()

    @torch.no_grad()
    def _update(self, moments: Float[Tensor, "B e"]) -> None:
        """Update the moments of the training corpus with those of a batch."""
        momentum = max(MOMENTUM, 1.0 / (1 + int(self.num_batches)))
        mean, square = moments.mean(0).chunk(2)
        self.running_mean.lerp_(mean, momentum)
        self.running_square.lerp_(square, momentum)
        self.num_batches += 1
