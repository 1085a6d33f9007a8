"""The small network that reads an expression, and what the same face may look like in another picture.

Training it on single pictures (`fer2013:`) and keeping it for every frame is what `face.weights` is for.
"""

import math
import random
from itertools import pairwise

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

STAGES = (1, 2, 4, 8)  # channels of each stage, in those of the first


class Residual(nn.Module):
    """Two convolutions beside a shortcut (He et al. 2016); `stride` 2 halves the picture."""

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
        # Every second place is taken here and not by the convolution: torch 2.13's backward pass of a 1x1 convolution of
        # stride 2 writes beyond its memory where the channels do not fill the processor's vectors.
        return F.relu(self.layers(x) + self.shortcut(x[:, :, :: self.stride, :: self.stride]))


class ExpressionNetwork(nn.Module):
    """A residual network of nine layers on grey pictures: [N, S, S, 3] -> [N, width].

    At 48 pixels and 32 channels a picture takes 35 million multiplications, and the network has 1.3 million parameters.
    """

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2)
        )
        widths = [channels * times for times in (1, *STAGES)]
        self.stages = nn.Sequential(
            *(
                Residual(inputs, outputs, 1 if place == 0 else 2)
                for place, (inputs, outputs) in enumerate(pairwise(widths))
            )
        )
        self.dropout = nn.Dropout(dropout)
        self.width = widths[-1]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third faster on processors

    def forward(self, faces: UInt8[Tensor, "N S S 3"]) -> Float[Tensor, "N d"]:
        x = self.stages(self.stem(grey(faces)))  # [N, d, S / 16, S / 16]
        return self.dropout(x.mean((2, 3)))


def grey(faces: UInt8[Tensor, "N S S 3"]) -> Float[Tensor, "N 1 S S"]:
    """Without colour and with the same contrast in every picture: neither the lamp nor the skin is an expression."""
    x = faces.float().mean(-1)[:, None]  # [N, 1, S, S]
    low, scale = x.mean((2, 3), keepdim=True), x.std((2, 3), keepdim=True)
    return ((x - low) / (scale + 1)).contiguous(memory_format=torch.channels_last)


def moved(
    faces: UInt8[Tensor, "T S S 3"], rng: random.Random, *, turn: float, shift: float, zoom: float
) -> UInt8[Tensor, "T S S 3"]:
    """All pictures of one face mirrored or not, turned by up to `turn` degrees, and moved and enlarged by up to those
    shares of its side."""
    angle = math.radians(rng.uniform(-turn, turn))
    size = 1 + rng.uniform(-zoom, zoom)
    mirror = rng.choice((-1, 1))
    across, down = (2 * rng.uniform(-shift, shift) for _ in range(2))
    cosine, sine = size * math.cos(angle), size * math.sin(angle)
    seen = torch.tensor([[mirror * cosine, -sine, across], [mirror * sine, cosine, down]])
    grid = F.affine_grid(seen[None].expand(len(faces), -1, -1), [len(faces), 3, *faces.shape[1:3]], align_corners=False)
    pixels = faces.permute(0, 3, 1, 2).float()
    return F.grid_sample(pixels, grid, padding_mode="border", align_corners=False).byte().permute(0, 2, 3, 1)
