"""The small convolutional network (`backbone: cnn`) that reads facial expressions, and what it shares with `resnet`.

It can be trained on single images (`fer2013:`) and then be used, frozen, on every frame of a clip (`backbone_weights`).
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

STAGES = (
    (1, 1),
    (2, 1),
    (4, 1),
    (8, 1),
)  # channels of each stage, in multiples of the first convolution's, and its blocks


class Residual(nn.Module):
    """Two convolutions and a shortcut (He et al. 2016); with `stride` 2 height and width are halved."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.stride = stride
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride > 1:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Float[Tensor, "N i H W"]) -> Float[Tensor, "N o h w"]:
        # The stride is applied here and not in the convolution. In torch 2.13 the backward pass of a 1x1 convolution with
        # stride 2 writes outside of its memory if the number of channels is not a multiple of the CPU's vector size.
        return F.relu(self.layers(x) + self.shortcut(x[:, :, :: self.stride, :: self.stride]))


class GreyNetwork(nn.Module):
    """A residual network on grey images: [N, S, S, 3] -> [N, width].

    A convolution with `conv_channels` channels and a pooling halve height and width. `block(inputs, outputs, stride)` makes each residual
    block. `stages`: the channels of each stage, in multiples of `conv_channels`, and its number of blocks. Every stage but the first
    halves height and width.
    """

    def __init__(
        self,
        conv_channels: int,
        block: Callable[[int, int, int], nn.Module],
        stages: Sequence[tuple[int, int]],
        dropout: float,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, conv_channels, 3, 1, 1, bias=False), nn.BatchNorm2d(conv_channels), nn.ReLU(), nn.MaxPool2d(2)
        )
        blocks, inputs = [], conv_channels
        for stage, (factor, count) in enumerate(stages):
            for number in range(count):
                blocks.append(block(inputs, factor * conv_channels, 2 if stage and not number else 1))
                inputs = factor * conv_channels
        self.stages = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.width = inputs
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third faster on CPUs

    def forward(self, faces: UInt8[Tensor, "N S S 3"]) -> Float[Tensor, "N d"]:
        x = self.stages(self.stem(normalize_grey(faces)))  # [N, d, S / 16, S / 16]
        vectors: Tensor = self.dropout(x.mean((2, 3)))
        return vectors

    def fuse_normalization(self) -> None:
        """Put each batch normalisation into the convolution before it: a sixth faster, and the same results up to rounding.

        The network must be in evaluation mode, and cannot be trained or saved after that.
        """
        for part in [module for module in self.modules() if isinstance(module, nn.Sequential)]:
            for index, (first, second) in enumerate(pairwise(list(part))):
                if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                    part[index], part[index + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


class ExpressionNetwork(GreyNetwork):
    """The small network; width = 8 * conv_channels.

    With 48 pixels and 32 channels an image takes 35 million multiplications, and the network has 1.2 million parameters.
    """

    def __init__(self, conv_channels: int, dropout: float) -> None:
        super().__init__(conv_channels, Residual, STAGES, dropout)


def normalize_grey(faces: UInt8[Tensor, "N S S 3"]) -> Float[Tensor, "N 1 S S"]:
    """Convert to grey with mean 0 and the same contrast in every image, so that light and skin colour have no effect."""
    x = faces.float().mean(-1)[:, None]  # [N, 1, S, S]
    mean, std = x.mean((2, 3), keepdim=True), x.std((2, 3), keepdim=True)
    return ((x - mean) / (std + 1)).contiguous(memory_format=torch.channels_last)
