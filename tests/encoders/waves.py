"""Weights from a formula, so that tests can list the expected numbers."""

import torch
from torch import nn


def fill_with_waves(network: nn.Module, *, scaled: bool = False) -> None:
    """Fill each tensor with a sine over its elements.

    `scaled` multiplies matrices by sqrt(2 / inputs), which keeps the activations of a deep network in a normal range.
    """
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
