"""A running mean of a network's weights (Polyak and Juditsky 1992): steadier than the last step's."""

from typing import Any

import torch
from torch import Tensor, nn


class WeightMean:
    """Exponential mean with `decay`, shorter at the start so that the first steps are soon forgotten.

    Batch statistics are averaged, too: those of the last steps belong to the last steps' weights, not to their mean.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network, self.decay, self.steps = network, decay, 0
        self.means: list[Tensor] = []

    @property
    def weights(self) -> list[Tensor]:
        learned = [value for value in self.network.parameters() if value.requires_grad]
        return learned + [value for value in self.network.buffers() if value.is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they stand after a step."""
        if not self.means:
            self.means = [value.detach().clone() for value in self.weights]
        weights = self._followed()
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.means, weights, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Put the mean into the network and the network's weights aside; called again, the other way round."""
        weights = self._followed()
        for mean, value in zip(self.means, weights, strict=bool(self.means)):
            kept = value.clone()
            value.copy_(mean)
            mean.copy_(kept)

    def state(self) -> dict[str, Any]:
        return {"steps": self.steps, "means": self.means}

    def load(self, state: dict[str, Any]) -> None:
        self.steps = state["steps"]
        self.means = state["means"]

    def _followed(self) -> list[Tensor]:
        """The weights, and the means where they are: a checkpoint is read before the network moves to its device."""
        weights = self.weights
        if self.means and self.means[0].device != weights[0].device:
            self.means = [mean.to(value.device) for mean, value in zip(self.means, weights, strict=True)]
        return weights
