"""The small convolutional network (`backbone: cnn`) that reads facial expressions, and what it shares with `resnet`.

It can be trained on single images (`fer2013:`) and then be used, frozen, on every frame of a clip (`backbone_weights`).
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

STAGE_WIDTHS = (1, 2, 4, 8)  # channels of each stage, in multiples of the first convolution's


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
    """A residual network of nine layers on grey images: [N, S, S, 3] -> [N, width].

    `stem` halves height and width. `block(inputs, outputs, stride)` makes each residual block; `widths` are the channels of the stem
    and of each block. Every block but the first halves height and width.
    """

    def __init__(
        self, stem: nn.Module, block: Callable[[int, int, int], nn.Module], widths: Sequence[int], dropout: float
    ) -> None:
        super().__init__()
        self.stem = stem
        self.stages = nn.Sequential(
            *(
                block(inputs, outputs, 1 if number == 0 else 2)
                for number, (inputs, outputs) in enumerate(pairwise(widths))
            )
        )
        self.dropout = nn.Dropout(dropout)
        self.width = widths[-1]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third faster on CPUs

    def forward(self, faces: UInt8[Tensor, "N S S 3"]) -> Float[Tensor, "N d"]:
        x = self.stages(self.stem(normalize_grey(faces)))  # [N, d, S / 16, S / 16]
        vectors: Tensor = self.dropout(x.mean((2, 3)))
        return vectors


class ExpressionNetwork(GreyNetwork):
    """The small network; width = 8 * conv_channels.

    With 48 pixels and 32 channels an image takes 35 million multiplications, and the network has 1.2 million parameters.
    """

    def __init__(self, conv_channels: int, dropout: float) -> None:
        stem = nn.Sequential(
            nn.Conv2d(1, conv_channels, 3, 1, 1, bias=False), nn.BatchNorm2d(conv_channels), nn.ReLU(), nn.MaxPool2d(2)
        )
        super().__init__(stem, Residual, [conv_channels * factor for factor in (1, *STAGE_WIDTHS)], dropout)


def normalize_grey(faces: UInt8[Tensor, "N S S 3"]) -> Float[Tensor, "N 1 S S"]:
    """Convert to grey with mean 0 and the same contrast in every image, so that light and skin colour have no effect."""
    x = faces.float().mean(-1)[:, None]  # [N, 1, S, S]
    mean, std = x.mean((2, 3), keepdim=True), x.std((2, 3), keepdim=True)
    return ((x - mean) / (std + 1)).contiguous(memory_format=torch.channels_last)
