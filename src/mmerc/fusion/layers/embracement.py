"""EmbraceNet (Choi and Lee 2019; paper, Eq. 13-16): each feature of the fused vector comes from one modality."""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F


class Docking(nn.Module):
    """One fully connected layer with ReLU per modality, from its own width to the common one."""

    def __init__(self, inputs: Mapping[str, int], size: int) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({name: nn.Linear(width, size) for name, width in inputs.items()})

    def forward(self, vectors: Mapping[str, Float[Tensor, "B _"]]) -> Float[Tensor, "M B c"]:
        return torch.stack([F.relu(self.layers[name](vector)) for name, vector in vectors.items()])


def probabilities(available: Bool[Tensor, "M B"], weights: Float[Tensor, " M"] | None = None) -> Float[Tensor, "M B"]:
    """p of Eq. 13 for each utterance: uniform (or `weights`), 0 for what is missing, and summing to 1.

    >>> probabilities(torch.tensor([[True], [False], [True]])).T.tolist()
    [[0.5, 0.0, 0.5]]

    Raises:
        ValueError: an utterance has no modality at all.
    """
    if not bool(available.any(0).all()):
        raise ValueError("an utterance without any modality cannot be embraced; give the label prior for it instead")
    p = available.float() if weights is None else available * weights[:, None]
    return p / p.sum(0)


def embrace(
    docked: Float[Tensor, "M B c"], p: Float[Tensor, "M B"], *, sample: bool, generator: torch.Generator | None = None
) -> Float[Tensor, "B c"]:
    """The fused vector: one draw per feature (Eq. 13-15), or its expectation, which is the same every time."""
    if not sample:
        return (p[..., None] * docked).sum(0)
    modalities, batch, size = docked.shape
    chosen = torch.multinomial(p.T, size, replacement=True, generator=generator)  # [B, c], r of Eq. 13
    return docked.gather(0, chosen[None])[0]  # Eq. 14 and 15
