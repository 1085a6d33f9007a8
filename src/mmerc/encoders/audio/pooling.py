"""Padding masks and attentive pooling of sequences of unequal length."""

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


def pool_mean(
    sequence: Float[Tensor, "B T d"], scores: Float[Tensor, "B T"], mask: Bool[Tensor, "B T"]
) -> Float[Tensor, "B d"]:
    """The mean of the real steps, weighted by the softmax of their scores."""
    weights = scores.masked_fill(~mask, float("-inf")).softmax(1)
    return (weights[..., None] * sequence).sum(1)


def pool_statistics(
    sequence: Float[Tensor, "B T d"], scores: Float[Tensor, "B T"], mask: Bool[Tensor, "B T"]
) -> Float[Tensor, "B e"]:
    """The mean and the standard deviation of the real steps, weighted by the softmax of their scores; e = 2 d.

    This is attentive statistics pooling (Okabe et al. 2018).
    """
    mean = pool_mean(sequence, scores, mask)
    square = pool_mean(sequence.square(), scores, mask)
    return torch.cat([mean, (square - mean.square()).clamp(min=1e-6).sqrt()], 1)
