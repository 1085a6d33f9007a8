"""Dropout that needs one random byte per value, for the backbone on a CPU.

torch draws a Bernoulli variable for each value there. In a small transformer this takes a tenth of a training step.
"""

import torch
from torch import Tensor, nn

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1  # one draw gives eight random bytes
BYTE_VALUES = 256


class ByteDropout(nn.Dropout):
    """`nn.Dropout` with its probability rounded to a multiple of 1/256, seeded by torch's generator.

    On a GPU, and where the rounded probability is 0 or 1, it is torch's own dropout.
    """

    def forward(self, input: Tensor) -> Tensor:
        threshold = round(self.p * BYTE_VALUES)
        if not self.training or input.device.type != "cpu" or not 0 < threshold < BYTE_VALUES:
            return super().forward(input)
        draws = torch.randint(INT64_MIN, INT64_MAX, (-(-input.numel() // 8),))
        keep = draws.view(torch.uint8)[: input.numel()] >= threshold
        return input * keep.view(input.shape) * (BYTE_VALUES / (BYTE_VALUES - threshold))


def replace_dropout(network: nn.Module) -> nn.Module:
    """Replace each `nn.Dropout` in the network by a `ByteDropout`, in place. The names of the weights do not change."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, ByteDropout(child.p))
    return network
