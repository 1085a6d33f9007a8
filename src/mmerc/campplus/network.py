"""CAM++, a network that makes a vector of a voice (Wang et al. 2023), with the shapes and names of the public weights of 3D-Speaker.

2D convolutions over frequency and time make a sequence. Three blocks of 1D convolutions follow, in which each layer reads the outputs of all
layers before it. The output of a layer is weighted by a mask that is computed from its context: the mean over time, of all and of the segment.
The mean and the standard deviation over time become the vector.

The network only predicts: where a normalisation has weights, it uses its stored statistics in `train` as well.
"""

from collections import OrderedDict
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.campplus.fbank import NUM_BANDS

SIZE = 192  # of a vector
HEAD_CHANNELS, FIRST_CHANNELS, GROWTH, BOTTLENECK = 32, 128, 32, 128
BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers and dilation of each block
SEGMENT = 100  # time steps of 20 ms over which the near context is averaged
# Frames: a 2D convolution reads a multiple of it. oneDNN prepares one anew for each new length, which takes half as long as to compute it.
LENGTH_STEP = 16


class CamPlusPlus(nn.Module):
    """The whole network. The names of the submodules, here and below, are those of the public weights."""

    def __init__(self) -> None:
        super().__init__()
        self.head = Head()
        parts: dict[str, nn.Module] = {
            "tdnn": sequence(
                linear=Convolution(self.head.size, FIRST_CHANNELS, 5, stride=2, padding=2, bias=False),
                nonlinear=normalize_and_rectify(FIRST_CHANNELS),
            )
        }
        channels = FIRST_CHANNELS
        for number, (num_layers, dilation) in enumerate(BLOCKS, 1):
            parts[f"block{number}"] = DenseBlock(channels, num_layers, dilation)
            channels += num_layers * GROWTH
            halve = Convolution(channels, channels // 2, 1, bias=False)
            parts[f"transit{number}"] = sequence(nonlinear=normalize_and_rectify(channels), linear=halve)
            channels //= 2
        parts["out_nonlinear"] = normalize_and_rectify(channels)
        parts["stats"] = Statistics()
        parts["dense"] = sequence(
            linear=Convolution(2 * channels, SIZE, 1, bias=False),
            nonlinear=sequence(batchnorm=nn.BatchNorm1d(SIZE, affine=False)),
        )
        self.xvector = sequence(**parts)

    def forward(self, fbank: Float[Tensor, "B T M"]) -> Float[Tensor, "B d"]:
        """A vector for each window. The windows may have any length of three frames or more."""
        vectors: Tensor = self.xvector(self.head(fbank))
        return vectors


class Head(nn.Module):
    """2D convolutions that read the features as an image, and halve the frequencies three times."""

    size = HEAD_CHANNELS * NUM_BANDS // 8

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = make_convolution(1, HEAD_CHANNELS)
        self.bn1 = nn.BatchNorm2d(HEAD_CHANNELS)
        self.layer1 = nn.ModuleList([ResidualBlock(stride=2), ResidualBlock(stride=1)])
        self.layer2 = nn.ModuleList([ResidualBlock(stride=2), ResidualBlock(stride=1)])
        self.conv2 = make_convolution(HEAD_CHANNELS, HEAD_CHANNELS, stride=2)
        self.bn2 = nn.BatchNorm2d(HEAD_CHANNELS)

    def forward(self, fbank: Float[Tensor, "B T M"]) -> Float[Tensor, "B T C"]:
        length = fbank.shape[1]
        image = F.pad(fbank, (0, 0, 0, -length % LENGTH_STEP)).transpose(1, 2)[:, None]  # [B, 1, M, P]
        image = convolve(image, self.conv1, self.bn1)
        image = rectify(image.contiguous(memory_format=torch.channels_last), length)  # saves a quarter of the time
        for block in [*self.layer1, *self.layer2]:
            image = block(image, length)  # at last [B, 32, M / 4, P]
        image = rectify(convolve(image, self.conv2, self.bn2), length)  # [B, 32, M / 8, P]
        return image[..., :length].permute(0, 3, 1, 2).flatten(2)


class ResidualBlock(nn.Module):
    """Two convolutions, and a way around them. `stride`: of the frequencies."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.conv1 = make_convolution(HEAD_CHANNELS, HEAD_CHANNELS, stride=stride)
        self.bn1 = nn.BatchNorm2d(HEAD_CHANNELS)
        self.conv2 = make_convolution(HEAD_CHANNELS, HEAD_CHANNELS)
        self.bn2 = nn.BatchNorm2d(HEAD_CHANNELS)
        self.shortcut = nn.ModuleList()
        if stride > 1:
            conv = make_convolution(HEAD_CHANNELS, HEAD_CHANNELS, kernel_size=1, stride=stride)
            self.shortcut.extend([conv, nn.BatchNorm2d(HEAD_CHANNELS)])

    def forward(self, image: Float[Tensor, "B C M P"], length: int) -> Float[Tensor, "B C m P"]:
        hidden = rectify(convolve(image, self.conv1, self.bn1), length)
        around = convolve(image, *self.shortcut) if self.shortcut else image
        return rectify(convolve(hidden, self.conv2, self.bn2) + around, length)


class DenseBlock(nn.ModuleDict):
    """Layers that each add channels to those of the layers before."""

    def __init__(self, channels: int, num_layers: int, dilation: int) -> None:
        super().__init__(
            {
                f"tdnnd{number}": DenseLayer(channels + (number - 1) * GROWTH, dilation)
                for number in range(1, num_layers + 1)
            }
        )

    def forward(self, hidden: Float[Tensor, "B T C"]) -> Float[Tensor, "B T D"]:
        for layer in self.values():
            hidden = torch.cat([hidden, layer(hidden)], 2)
        return hidden


class DenseLayer(nn.Module):
    """A bottleneck, and a masked convolution over time."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = normalize_and_rectify(channels)
        self.linear1 = Convolution(channels, BOTTLENECK, 1, bias=False)
        self.nonlinear2 = normalize_and_rectify(BOTTLENECK)
        self.cam_layer = MaskedConvolution(dilation)

    def forward(self, hidden: Float[Tensor, "B T C"]) -> Float[Tensor, "B T G"]:
        masked: Tensor = self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(hidden))))
        return masked


class MaskedConvolution(nn.Module):
    """A convolution whose output is weighted by a mask between 0 and 1, which is computed from the context ("context-aware masking")."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = Convolution(BOTTLENECK, GROWTH, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = Convolution(BOTTLENECK, BOTTLENECK // 2, 1)
        self.linear2 = Convolution(BOTTLENECK // 2, GROWTH, 1)

    def forward(self, hidden: Float[Tensor, "B T C"]) -> Float[Tensor, "B T G"]:
        averages, segments = make_averages(hidden.shape[1], hidden.device)
        context = averages @ hidden  # [B, S, C]
        mask = self.linear2(self.linear1(context).relu()).sigmoid()  # [B, S, G]
        masked: Tensor = self.linear_local(hidden) * mask[:, segments]
        return masked


class Convolution(nn.Conv1d):
    """A convolution over time as a matrix product, which needs no preparation for a new length. The channels are the last dimension."""

    matrix: Tensor | None  # [D, size * C], made when weights are loaded

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.register_buffer("matrix", None, persistent=False)
        fold_when_loaded(self)

    def fold(self) -> None:
        self.matrix = self.make_matrix().detach().contiguous()

    def make_matrix(self) -> Float[Tensor, "D K"]:
        return self.weight.transpose(1, 2).flatten(1)

    def forward(self, input: Float[Tensor, "*B T C"]) -> Float[Tensor, "*B t D"]:
        (size,), (stride,), (dilation,), padding = self.kernel_size, self.stride, self.dilation, self.padding[0]
        if size > 1:
            assert isinstance(padding, int)
            padded = F.pad(input, (0, 0, padding, padding))
            last = padded.shape[-2] - (size - 1) * dilation
            taps = [padded[..., tap * dilation : tap * dilation + last : stride, :] for tap in range(size)]
            input = torch.cat(taps, -1)  # [..., t, size * C]
        return F.linear(input, self.make_matrix() if self.matrix is None else self.matrix, self.bias)


class Normalization(nn.BatchNorm1d):
    """Batch normalisation of the last dimension, as one multiplication and addition: a third of the time of torch's."""

    factors: Tensor | None  # [2, C], computed when weights are loaded

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.register_buffer("factors", None, persistent=False)
        fold_when_loaded(self)

    def fold(self) -> None:
        self.factors = torch.stack(find_scale(self)).detach()

    def forward(self, input: Float[Tensor, "*B C"]) -> Float[Tensor, "*B C"]:
        scale, shift = find_scale(self) if self.factors is None else self.factors
        return torch.addcmul(shift, input, scale)


class Statistics(nn.Module):
    """The mean and the standard deviation of each channel over time."""

    def forward(self, hidden: Float[Tensor, "B T C"]) -> Float[Tensor, "B D"]:
        return torch.cat([hidden.mean(1), hidden.std(1)], 1)


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # what is kept may be used outside of it
def make_averages(length: int, device: torch.device) -> tuple[Float[Tensor, "S T"], Int64[Tensor, " T"]]:
    """The matrix that adds the mean over all time steps to the mean over each segment, and the segment of each time step.

    The last of the S segments may be shorter than the others.
    """
    segments = torch.arange(length, device=device) // SEGMENT
    numbers = torch.arange(-(-length // SEGMENT), device=device)[:, None]  # [S, 1]
    is_inside = (segments == numbers).float()  # [S, T]
    return is_inside / is_inside.sum(1, keepdim=True) + 1 / length, segments


def sequence(**parts: nn.Module) -> nn.Sequential:
    """Modules in a row, by their names."""
    return nn.Sequential(OrderedDict(parts))


def normalize_and_rectify(channels: int) -> nn.Sequential:
    return sequence(batchnorm=Normalization(channels), relu=nn.ReLU(inplace=True))


def make_convolution(channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias. `stride`: of the frequencies; the time steps stay as many."""
    return nn.Conv2d(channels, out_channels, kernel_size, stride=(stride, 1), padding=kernel_size // 2, bias=False)


def convolve(image: Float[Tensor, "B C M P"], conv: nn.Conv2d, norm: nn.BatchNorm2d) -> Float[Tensor, "B D m P"]:
    """A convolution and its normalisation, in one pass over the image."""
    scale, shift = find_scale(norm)
    weight = conv.weight * scale[:, None, None, None]
    return F.conv2d(image, weight, shift, conv.stride, conv.padding)


def rectify(image: Float[Tensor, "B C M P"], length: int) -> Float[Tensor, "B C M P"]:
    """ReLU in place, and zeros from frame `length` on: what the next convolution expects outside the image."""
    image.relu_()[..., length:] = 0
    return image


def find_scale(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Float[Tensor, " C"], Float[Tensor, " C"]]:
    """What a batch normalisation multiplies and then adds, by its stored statistics."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return scale, norm.bias - norm.running_mean * scale


def fold_when_loaded(module: "Convolution | Normalization") -> None:
    """Let the module compute what follows from its weights once, after they are loaded."""
    module.register_load_state_dict_post_hook(_fold)  # type: ignore[no-untyped-call]


def _fold(module: nn.Module, _: Any) -> None:
    assert isinstance(module, Convolution | Normalization)
    module.fold()
