"""Weights by formula, so that expected numbers can be written out: a sine over each tensor's elements."""

import torch
from torch import nn


def fill_with_waves(network: nn.Module, *, scaled: bool = False) -> None:
    """`scaled`: matrices by the root of 2 over their inputs, so that a deep network neither dies nor explodes."""
    for key, value in network.state_dict().items():
        if not value.dtype.is_floating_point:
            continue
        wave = torch.sin(torch.arange(value.numel(), dtype=torch.float64) * 0.7 + len(key)).reshape(value.shape)
        if "running_var" in key or (key.endswith("weight") and value.ndim == 1):
            value.copy_(1 + 0.1 * wave)
        elif scaled and value.ndim > 1:
            value.copy_(wave * (2 / value[0].numel()) ** 0.5)
        else:
            value.copy_(0.1 * wave)
