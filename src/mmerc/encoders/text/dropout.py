"""Dropout whose mask costs a byte of random bits a value.

On a processor torch draws each value's Bernoulli variable alone: a tenth of a training step of a small transformer.
"""

import torch
from torch import Tensor, nn

LOWEST, HIGHEST = -(2**63), 2**63 - 1  # eight bytes a draw
CHOICES = 256  # values of a byte


class ByteDropout(nn.Dropout):
    """`nn.Dropout` with its probability rounded to 1/256, seeded by torch's generator; torch's own on a GPU."""

    def forward(self, input: Tensor) -> Tensor:
        dropped = round(self.p * CHOICES)
        if not self.training or input.device.type != "cpu" or not 0 < dropped < CHOICES:
            return super().forward(input)
        draws = torch.randint(LOWEST, HIGHEST, (-(-input.numel() // 8),))
        kept = draws.view(torch.uint8)[: input.numel()] >= dropped
        return input * kept.view(input.shape) * (CHOICES / (CHOICES - dropped))


def with_byte_dropout(network: nn.Module) -> nn.Module:
    """The network, each `nn.Dropout` in it replaced; it has no parameters, so saved weights fit as before."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, ByteDropout(child.p))
    return network
