"""Padding masks and attentive pooling of sequences of unequal length."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def make_padding_mask(lengths: Tensor, max_length: int | Tensor) -> Bool[Tensor, "B T"]:
    """The mask of sequences with `lengths` [B] real steps each: true on real steps, false on padding. T = max_length.

    >>> make_padding_mask(torch.tensor([1, 2]), 2).tolist()
    [[True, False], [True, True]]
    """
    # While a network is traced for ONNX, its sizes are tensors.
    return torch.arange(max_length, device=lengths.device)[None] < lengths[:, None]  # type: ignore[arg-type]


def compute_attention(scores: Float[Tensor, "B T"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    """The softmax of the scores over the real steps; 0 on padding."""
    return scores.masked_fill(~mask, float("-inf")).softmax(1)


def pool_statistics(
    steps: Float[Tensor, "*steps d"], compute_mean: Callable[[Tensor], Float[Tensor, "B d"]]
) -> Float[Tensor, "B e"]:
    """The weighted mean and standard deviation over the steps of each utterance; e = 2 d.

    This is attentive statistics pooling (Okabe et al. 2018). `compute_mean` gives the weighted mean of each utterance, so
    that the steps may be padded, or follow one another in one sequence.

    >>> pool_statistics(torch.tensor([[1.0], [3.0]]), lambda steps: torch.tensor([[0.5, 0.5]]) @ steps)
    tensor([[2., 1.]])
    """
    mean, square = compute_mean(steps), compute_mean(steps.square())
    return torch.cat([mean, (square - mean.square()).clamp(min=1e-6).sqrt()], 1)
