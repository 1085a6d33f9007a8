"""From a sequence to one vector."""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class Pooling(nn.Module):
    """Pool the real steps of a sequence: [B, T, d] -> [B, d].

    Args:
        kind: the mean over the real steps, the last real step, or a mean weighted by learned attention.
        width: d.

    An utterance without a real step gives zeros.
    """

    def __init__(self, kind: Literal["mean", "last", "attention"], width: int) -> None:
        super().__init__()
        self.kind = kind
        self.score = nn.Linear(width, 1) if kind == "attention" else None

    def forward(self, x: Float[Tensor, "B T d"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B d"]:
        if self.kind == "last":
            last = (mask.sum(1) - 1).clamp(min=0)  # [B]
            return x[torch.arange(x.shape[0], device=x.device), last] * mask.any(1)[:, None]
        if self.score is None:
            weights = mask.to(x.dtype)  # [B, T]
        else:
            scores = self.score(x)[..., 0].masked_fill(~mask, torch.finfo(x.dtype).min)  # [B, T]
            weights = scores.softmax(1) * mask
        weights = weights.to(x.dtype)
        total = (weights[:, None] @ x)[:, 0]  # [B, d] in one pass over x, which is finite also where it is padding
        return total / weights.float().sum(1, keepdim=True).clamp(min=1e-9)
