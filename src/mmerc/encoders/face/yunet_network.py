"""The network of YuNet (Wu, Peng & Yu 2023), as OpenCV published it in September 2021, with its public parameter names.

It has 83 thousand parameters. Each of its convolutions but the first is divided into one over the channels and one over the pixels.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

ANCHOR_SIZES = (10, 16, 24), (32, 48), (64, 96), (128, 192, 256)  # pixels of the anchors in each cell of a level
STRIDES = 8, 16, 32, 64  # pixels of a level's cells
NUM_VALUES = 17  # of an anchor: 4 for the box, 10 for the landmarks, 2 for the class, 1 for the expected overlap


class SeparableConvolution(nn.Module):
    """A convolution over the channels, then one of 3x3 pixels in each channel."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 1)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, groups=out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Two separable convolutions with a ReLU between them. The ReLU after them is the caller's."""

    def __init__(self, in_channels: int, middle: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = SeparableConvolution(in_channels, middle)
        self.conv2 = SeparableConvolution(middle, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x).relu_())  # type: ignore[no-any-return]


class Stem(nn.Module):
    """The first two convolutions, at half the image's size, without the last ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.conv2 = SeparableConvolution(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x).relu_())  # type: ignore[no-any-return]


class YuNetNetwork(nn.Module):
    """Four levels of features, and 17 values for each anchor of each level."""

    def __init__(self) -> None:
        super().__init__()
        self.model0, self.model1, self.model2 = Stem(), Block(16, 16, 64), Block(64, 64, 64)
        self.model3, self.model4, self.model5, self.model6 = (Block(64, 64, 64) for _ in STRIDES)
        self.head = nn.ModuleList(Block(64, 64, len(sizes) * NUM_VALUES) for sizes in ANCHOR_SIZES)

    def forward(self, pixels: Float[Tensor, "B 3 H W"], num_levels: int = len(STRIDES)) -> Float[Tensor, "B A 17"]:
        """The raw values of all anchors of the first `num_levels` levels: level by level, row by row.

        `pixels` are blue, green and red from 0 to 255. Both sides are multiples of 32, and at least 64.
        """
        # oneDNN's own layout of the channels saves a fifth of the time on a CPU; other machines compute without it.
        is_blocked = pixels.device.type == "cpu" and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        x = pixels.to_mkldnn() if is_blocked else pixels
        # Pooling before the ReLU gives the same numbers as after it, and leaves it a quarter of them.
        x = F.max_pool2d(self.model0(x), 2).relu_()  # [B, 16, H/4, W/4]
        x = self.model1(x).relu_()  # [B, 64, H/4, W/4]
        x = F.max_pool2d(self.model2(x), 2).relu_()  # [B, 64, H/8, W/8]
        outputs: list[Tensor] = []
        stages = [self.model3, self.model4, self.model5, self.model6]
        for stage, head in zip(stages[:num_levels], self.head[:num_levels], strict=True):
            x = stage(F.max_pool2d(x, 2) if outputs else x).relu_()
            values = head(x)  # [B, a * 17, h, w] with a anchors in each cell
            values = values.to_dense() if is_blocked else values
            outputs.append(values.permute(0, 2, 3, 1).reshape(len(pixels), -1, NUM_VALUES))  # [B, h * w * a, 17]
        return torch.cat(outputs, 1)


def make_anchors(height: int, width: int, num_levels: int = len(STRIDES)) -> Float[Tensor, "A 3"]:
    """The centre (x, y) and the size in pixels of each anchor, in the order of the network's values."""
    levels = []
    for stride, sizes in zip(STRIDES[:num_levels], ANCHOR_SIZES[:num_levels], strict=True):
        rows, columns = torch.arange(height // stride) + 0.5, torch.arange(width // stride) + 0.5
        grid = torch.meshgrid(rows * stride, columns * stride, torch.tensor(sizes, dtype=rows.dtype), indexing="ij")
        levels.append(torch.stack([grid[1], grid[0], grid[2]], -1).reshape(-1, 3))
    return torch.cat(levels)
