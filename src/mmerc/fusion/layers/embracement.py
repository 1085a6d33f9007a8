"""EmbraceNet (Choi and Lee 2019; Eq. 13-16 of the paper): each feature of the fused vector comes from one modality."""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.fusion.layers.modality_dict import ModalityDict


class Docking(nn.Module):
    """A linear layer with ReLU for each modality, from its width to the common size c.

    Args:
        widths: the width of each modality's vector.
        size: c.
    """

    def __init__(self, widths: Mapping[str, int], size: int) -> None:
        super().__init__()
        self.layers = ModalityDict({name: nn.Linear(width, size) for name, width in widths.items()})

    def forward(self, vectors: Mapping[str, Float[Tensor, "B _"]]) -> Float[Tensor, "M B c"]:
        return torch.stack([F.relu(self.layers[name](vector)) for name, vector in vectors.items()])


class Embracement(nn.Module):
    """Docking and embracement: one vector per modality -> the fused vector.

    Args:
        widths: the width of each modality's vector.
        size: c of the fused vector.
        samples_in_eval: at test time, draw with a fixed seed in place of the expectation; both are deterministic.
    """

    def __init__(self, widths: Mapping[str, int], size: int, *, samples_in_eval: bool) -> None:
        super().__init__()
        self.docking = Docking(widths, size)
        self.samples_in_eval = samples_in_eval

    def forward(self, vectors: Mapping[str, Float[Tensor, "B _"]], p: Float[Tensor, "M B"]) -> Float[Tensor, "B c"]:
        docked = self.docking(vectors)  # [M, B, c]
        if self.training:
            return embrace(docked, p, sample=True)
        generator = torch.Generator(docked.device).manual_seed(0)
        return embrace(docked, p, sample=self.samples_in_eval, generator=generator)


def compute_availability(
    is_available: Bool[Tensor, "M B"], weights: Float[Tensor, " M"] | None = None
) -> Float[Tensor, "M B"]:
    """Compute p of Eq. 13 for each utterance: `weights` (default: uniform) over the available modalities, with sum 1.

    >>> compute_availability(torch.tensor([[True], [False], [True]])).T.tolist()
    [[0.5, 0.0, 0.5]]

    Raises:
        ValueError: an utterance has no modality.
    """
    if not bool(is_available.any(0).all()):
        raise ValueError("an utterance without any modality cannot be fused: predict the label prior for it instead.")
    p = is_available.float() if weights is None else is_available * weights[:, None]
    return p / p.sum(0)


def embrace(
    docked: Float[Tensor, "M B c"], p: Float[Tensor, "M B"], *, sample: bool, generator: torch.Generator | None = None
) -> Float[Tensor, "B c"]:
    """Compute the fused vector: one draw for each feature (Eq. 13-15), or its expectation, which is deterministic."""
    if not sample:
        return (p[..., None] * docked).sum(0)
    _, _, size = docked.shape
    chosen = torch.multinomial(p.T, size, replacement=True, generator=generator)  # [B, c], r of Eq. 13
    return docked.gather(0, chosen[None])[0]  # Eq. 14 and 15
