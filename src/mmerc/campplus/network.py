"""CAM++, a network that makes a vector of a voice (Wang et al. 2023), with the shapes and names of the public weights of 3D-Speaker.

2D convolutions over frequency and time make a sequence. Three blocks of 1D convolutions follow, in which each layer reads the outputs of all
layers before it. The output of a layer is weighted by a mask that is computed from its context: the mean over time, of all and of the segment.
The mean and the standard deviation over time become the vector.
"""

from collections import OrderedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.campplus.fbank import NUM_BANDS

SIZE = 192  # of a vector
HEAD_CHANNELS, FIRST_CHANNELS, GROWTH, BOTTLENECK = 32, 128, 32, 128
BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers and dilation of each block
SEGMENT = 100  # time steps of 20 ms over which the near context is averaged


class CamPlusPlus(nn.Module):
    """The whole network. The names of the submodules, here and below, are those of the public weights."""

    def __init__(self) -> None:
        super().__init__()
        self.head = Head()
        parts: dict[str, nn.Module] = {
            "tdnn": sequence(
                linear=nn.Conv1d(self.head.size, FIRST_CHANNELS, 5, stride=2, padding=2, bias=False),
                nonlinear=normalize_and_rectify(FIRST_CHANNELS),
            )
        }
        channels = FIRST_CHANNELS
        for number, (num_layers, dilation) in enumerate(BLOCKS, 1):
            parts[f"block{number}"] = DenseBlock(channels, num_layers, dilation)
            channels += num_layers * GROWTH
            halve = PointwiseConvolution(channels, channels // 2, 1, bias=False)
            parts[f"transit{number}"] = sequence(nonlinear=normalize_and_rectify(channels), linear=halve)
            channels //= 2
        parts["out_nonlinear"] = normalize_and_rectify(channels)
        parts["stats"] = Statistics()
        parts["dense"] = sequence(
            linear=nn.Conv1d(2 * channels, SIZE, 1, bias=False),
            nonlinear=sequence(batchnorm=nn.BatchNorm1d(SIZE, affine=False)),
        )
        self.xvector = sequence(**parts)

    def forward(self, fbank: Float[Tensor, "B T M"]) -> Float[Tensor, "B d"]:
        """A vector for each window. The windows may have any length of three frames or more."""
        vectors: Tensor = self.xvector(self.head(fbank.transpose(1, 2)))  # [B, d, 1]
        return vectors.squeeze(2)


class Head(nn.Module):
    """2D convolutions that read the features as an image, and halve the frequencies three times."""

    size = HEAD_CHANNELS * NUM_BANDS // 8

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = convolve(1, HEAD_CHANNELS)
        self.bn1 = nn.BatchNorm2d(HEAD_CHANNELS)
        self.layer1 = nn.Sequential(ResidualBlock(stride=2), ResidualBlock(stride=1))
        self.layer2 = nn.Sequential(ResidualBlock(stride=2), ResidualBlock(stride=1))
        self.conv2 = convolve(HEAD_CHANNELS, HEAD_CHANNELS, stride=2)
        self.bn2 = nn.BatchNorm2d(HEAD_CHANNELS)

    def forward(self, bands: Float[Tensor, "B M T"]) -> Float[Tensor, "B C T"]:
        image = bands[:, None].contiguous(memory_format=torch.channels_last)  # twice as fast on a CPU
        image = self.bn1(self.conv1(image)).relu()  # [B, 32, M, T]
        image = self.layer2(self.layer1(image))  # [B, 32, M / 4, T]
        image = self.bn2(self.conv2(image)).relu()  # [B, 32, M / 8, T]
        channels: Tensor = image.flatten(1, 2)  # [B, 32 * M / 8, T]
        return channels


class ResidualBlock(nn.Module):
    """Two convolutions, and a way around them. `stride`: of the frequencies."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.conv1 = convolve(HEAD_CHANNELS, HEAD_CHANNELS, stride=stride)
        self.bn1 = nn.BatchNorm2d(HEAD_CHANNELS)
        self.conv2 = convolve(HEAD_CHANNELS, HEAD_CHANNELS)
        self.bn2 = nn.BatchNorm2d(HEAD_CHANNELS)
        self.shortcut = nn.Sequential()
        if stride > 1:
            conv = convolve(HEAD_CHANNELS, HEAD_CHANNELS, kernel_size=1, stride=stride)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(HEAD_CHANNELS))

    def forward(self, image: Float[Tensor, "B C M T"]) -> Float[Tensor, "B C m T"]:
        hidden = self.bn1(self.conv1(image)).relu()
        added: Tensor = self.bn2(self.conv2(hidden)) + self.shortcut(image)
        return added.relu()


class DenseBlock(nn.ModuleDict):
    """Layers that each add channels to those of the layers before."""

    def __init__(self, channels: int, num_layers: int, dilation: int) -> None:
        super().__init__(
            {
                f"tdnnd{number}": DenseLayer(channels + (number - 1) * GROWTH, dilation)
                for number in range(1, num_layers + 1)
            }
        )

    def forward(self, hidden: Float[Tensor, "B C T"]) -> Float[Tensor, "B D T"]:
        for layer in self.values():
            hidden = torch.cat([hidden, layer(hidden)], 1)
        return hidden


class DenseLayer(nn.Module):
    """A bottleneck, and a masked convolution over time."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = normalize_and_rectify(channels)
        self.linear1 = PointwiseConvolution(channels, BOTTLENECK, 1, bias=False)
        self.nonlinear2 = normalize_and_rectify(BOTTLENECK)
        self.cam_layer = MaskedConvolution(dilation)

    def forward(self, hidden: Float[Tensor, "B C T"]) -> Float[Tensor, "B G T"]:
        masked: Tensor = self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(hidden))))
        return masked


class MaskedConvolution(nn.Module):
    """A convolution whose output is weighted by a mask between 0 and 1, which is computed from the context ("context-aware masking")."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(BOTTLENECK, GROWTH, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = PointwiseConvolution(BOTTLENECK, BOTTLENECK // 2, 1)
        self.linear2 = PointwiseConvolution(BOTTLENECK // 2, GROWTH, 1)

    def forward(self, hidden: Float[Tensor, "B C T"]) -> Float[Tensor, "B G T"]:
        length = hidden.shape[2]
        near = F.avg_pool1d(hidden, SEGMENT, SEGMENT, ceil_mode=True)  # [B, C, segments]
        context = hidden.mean(2, keepdim=True) + near
        mask = self.linear2(self.linear1(context).relu()).sigmoid()  # [B, G, segments]
        masked: Tensor = self.linear_local(hidden) * mask.repeat_interleave(SEGMENT, 2)[:, :, :length]
        return masked


class PointwiseConvolution(nn.Conv1d):
    """A convolution of size 1, as a matrix product: oneDNN prepares a convolution anew for each length of the sound, which takes longer than to compute it."""

    def forward(self, input: Float[Tensor, "B C T"]) -> Float[Tensor, "B D T"]:
        product = self.weight[:, :, 0] @ input
        return product if self.bias is None else product + self.bias[:, None]


class Statistics(nn.Module):
    """The mean and the standard deviation of each channel over time."""

    def forward(self, hidden: Float[Tensor, "B C T"]) -> Float[Tensor, "B D 1"]:
        return torch.cat([hidden.mean(2), hidden.std(2)], 1)[:, :, None]


def sequence(**parts: nn.Module) -> nn.Sequential:
    """Modules in a row, by their names."""
    return nn.Sequential(OrderedDict(parts))


def normalize_and_rectify(channels: int) -> nn.Sequential:
    return sequence(batchnorm=nn.BatchNorm1d(channels), relu=nn.ReLU())


def convolve(channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias. `stride`: of the frequencies; the time steps stay as many."""
    return nn.Conv2d(channels, out_channels, kernel_size, stride=(stride, 1), padding=kernel_size // 2, bias=False)
