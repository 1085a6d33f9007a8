"""The sequences of a batch, one per modality, and their padding masks."""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Sequences = Mapping[str, Float[Tensor, "B _ _"]]  # [B, T, d] for each modality, with its own T and d
Masks = Mapping[str, Bool[Tensor, "B _"]]  # [B, T] for each modality, True for a real step


def ensure_one_step(mask: Bool[Tensor, "B T"]) -> Bool[Tensor, "B T"]:
    """Unmask step 0 of each utterance that has no real step, so that a softmax over the steps is defined.

    The caller must discard the result for these utterances.
    """
    is_first = torch.arange(mask.shape[1], device=mask.device) == 0  # [T]
    return mask | (~mask.any(1, keepdim=True) & is_first)
