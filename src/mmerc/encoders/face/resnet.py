"""The residual network (`backbone: resnet`) that reads facial expressions: wider than `cnn`, for training on many faces."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.encoders.face.expression import GreyNetwork

# Channels of each stage, in multiples of the first convolution's, and its blocks. Most multiplications are on images of 12x12 and 6x6
# pixels: CPUs compute wide convolutions on small images fastest.
STAGES = ((1, 1), (3, 2), (6, 1), (6, 1))


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut (He et al. 2016); with `stride` 2 height and width are halved and rounded up.

    The shortcut then averages before its 1x1 convolution, so that it loses no pixel (ResNet-D, He et al. 2019). The last
    normalisation starts at 0: the block starts as its shortcut (Goyal et al. 2017).
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        nn.init.zeros_(self.layers[-1].weight)  # type: ignore[arg-type]
        self.shortcut = nn.Sequential()
        if inputs != outputs or stride > 1:
            # A 1x1 convolution with a stride is wrong in torch 2.13: see expression.Residual.
            pool = nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()
            self.shortcut = nn.Sequential(pool, nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Float[Tensor, "N i H W"]) -> Float[Tensor, "N o h w"]:
        return F.relu(self.layers(x) + self.shortcut(x))


class ResidualNetwork(GreyNetwork):
    """The wider network; width = 6 * conv_channels.

    With 48 pixels and 32 channels an image takes 76 million multiplications, and the network has 1.5 million parameters.
    """

    def __init__(self, conv_channels: int, dropout: float) -> None:
        super().__init__(conv_channels, ResidualBlock, STAGES, dropout)
