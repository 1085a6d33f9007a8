"""Exponential moving average (EMA) of a network's weights (Polyak and Juditsky 1992)."""

from typing import Any

import torch
from torch import Tensor, nn


class WeightEMA:
    """The moving average of the trainable weights and of the floating-point buffers of `network`.

    Buffers are averaged too: the batch statistics of the last steps fit the weights of the last steps, not their average.

    Args:
        network: the network in training.
        decay: weight of the previous average; smaller in the first steps: (1 + steps) / (10 + steps).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network, self.decay, self.steps = network, decay, 0
        self.averages: list[Tensor] = []

    @torch.no_grad()
    def update(self) -> None:
        """Add the present weights to the average, after each step."""
        weights = self._list_weights()
        if not self.averages:
            self.averages = [value.detach().clone() for value in weights]
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.averages, weights, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the weights in the network with the averages; does nothing before the first update."""
        weights = self._list_weights()
        for average, value in zip(self.averages, weights, strict=bool(self.averages)):
            present = value.clone()
            value.copy_(average)
            average.copy_(present)

    def state(self) -> dict[str, Any]:
        """Return what `load` restores, for a checkpoint."""
        return {"steps": self.steps, "averages": self.averages}

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `state` returned."""
        self.steps = state["steps"]
        self.averages = state["averages"]

    def _list_weights(self) -> list[Tensor]:
        """List the weights, and move the averages to their device: `load` runs before the network moves to its device."""
        weights: list[Tensor] = [value for value in self.network.parameters() if value.requires_grad]
        weights += [value for value in self.network.buffers() if value.is_floating_point()]
        if self.averages and self.averages[0].device != weights[0].device:
            self.averages = [average.to(value.device) for average, value in zip(self.averages, weights, strict=True)]
        return weights
