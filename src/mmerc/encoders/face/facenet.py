"""InceptionResnetV1 (Szegedy et al. 2016): the embedding, 512 numbers, of a face of 160x160 pixels.

Parameter names, shapes and arithmetic are those of facenet-pytorch, whose VGGFace2 and CASIA-WebFace weights it loads.
"""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc import weights

IMAGE_SIZE = 160
EMBEDDING_SIZE = 512


class Convolution(nn.Module):
    """A convolution without bias, batch normalisation and ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel_size: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel_size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)  # the epsilon of TensorFlow, in which the weights were trained

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Residual(nn.Module):
    """Parallel branches, concatenated, mixed by a 1x1 convolution, scaled and added to the input."""

    def __init__(
        self, branches: list[nn.Module], mixed: int, width: int, scale: float, *, has_relu: bool = True
    ) -> None:
        super().__init__()
        self.scale, self.has_relu = scale, has_relu
        for number, branch in enumerate(branches):
            self.add_module(f"branch{number}", branch)
        self.branch_names = [f"branch{number}" for number in range(len(branches))]
        self.conv2d = nn.Conv2d(mixed, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        mixed = self.conv2d(torch.cat([self.get_submodule(name)(x) for name in self.branch_names], 1))
        x = mixed * self.scale + x
        return F.relu(x) if self.has_relu else x


class Reduction(nn.Module):
    """Parallel branches of stride 2, concatenated."""

    def __init__(self, branches: list[nn.Module]) -> None:
        super().__init__()
        for number, branch in enumerate(branches):
            self.add_module(f"branch{number}", branch)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.children()], 1)


def make_block35() -> Residual:
    return Residual(
        [
            Convolution(256, 32, 1),
            nn.Sequential(Convolution(256, 32, 1), Convolution(32, 32, 3, padding=1)),
            nn.Sequential(
                Convolution(256, 32, 1), Convolution(32, 32, 3, padding=1), Convolution(32, 32, 3, padding=1)
            ),
        ],
        mixed=96,
        width=256,
        scale=0.17,
    )


def _make_factorized(inputs: int, width: int, length: int) -> nn.Sequential:
    """A square convolution of `length` pixels as a row and a column after each other."""
    half = length // 2
    return nn.Sequential(
        Convolution(inputs, width, 1),
        Convolution(width, width, (1, length), padding=(0, half)),
        Convolution(width, width, (length, 1), padding=(half, 0)),
    )


def make_block17() -> Residual:
    return Residual([Convolution(896, 128, 1), _make_factorized(896, 128, 7)], mixed=256, width=896, scale=0.10)


def make_block8(*, scale: float = 0.20, has_relu: bool = True) -> Residual:
    branches: list[nn.Module] = [Convolution(1792, 192, 1), _make_factorized(1792, 192, 3)]
    return Residual(branches, mixed=384, width=1792, scale=scale, has_relu=has_relu)


class InceptionResnetV1(nn.Module):
    """The embedding network.

    Args:
        n_identities: size of the `logits` layer in the published checkpoints (8631 identities in VGGFace2, 10575 in
            CASIA-WebFace); 0 leaves this layer out.
    """

    def __init__(self, *, n_identities: int = 0) -> None:
        super().__init__()
        self.conv2d_1a = Convolution(3, 32, 3, stride=2)
        self.conv2d_2a = Convolution(32, 32, 3)
        self.conv2d_2b = Convolution(32, 64, 3, padding=1)
        self.maxpool_3a = nn.MaxPool2d(3, stride=2)
        self.conv2d_3b = Convolution(64, 80, 1)
        self.conv2d_4a = Convolution(80, 192, 3)
        self.conv2d_4b = Convolution(192, 256, 3, stride=2)
        self.repeat_1 = nn.Sequential(*(make_block35() for _ in range(5)))
        self.mixed_6a = Reduction(
            [
                Convolution(256, 384, 3, stride=2),
                nn.Sequential(
                    Convolution(256, 192, 1), Convolution(192, 192, 3, padding=1), Convolution(192, 256, 3, stride=2)
                ),
                nn.MaxPool2d(3, stride=2),
            ]
        )
        self.repeat_2 = nn.Sequential(*(make_block17() for _ in range(10)))
        self.mixed_7a = Reduction(
            [
                nn.Sequential(Convolution(896, 256, 1), Convolution(256, 384, 3, stride=2)),
                nn.Sequential(Convolution(896, 256, 1), Convolution(256, 256, 3, stride=2)),
                nn.Sequential(
                    Convolution(896, 256, 1), Convolution(256, 256, 3, padding=1), Convolution(256, 256, 3, stride=2)
                ),
                nn.MaxPool2d(3, stride=2),
            ]
        )
        self.repeat_3 = nn.Sequential(*(make_block8() for _ in range(5)))
        self.block8 = make_block8(scale=1.0, has_relu=False)
        self.avgpool_1a = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.6)
        self.last_linear = nn.Linear(1792, EMBEDDING_SIZE, bias=False)
        self.last_bn = nn.BatchNorm1d(EMBEDDING_SIZE, eps=0.001)
        if n_identities:
            self.logits = nn.Linear(EMBEDDING_SIZE, n_identities)

    @classmethod
    def pretrained(cls, name: str) -> "InceptionResnetV1":
        """A network with the public weights `vggface2` or `casia-webface`, without their `logits` layer.

        Raises:
            WeightsError: the weights are not on this machine.
        """
        tensors = {key: value for key, value in weights.load(name).items() if not key.startswith("logits.")}
        network = cls()
        weights.fill(network, tensors, name)
        return network

    def forward(self, faces: Float[Tensor, "N 3 160 160"]) -> Float[Tensor, "N 512"]:
        """Embeddings of length 1; `faces` is what `normalize_pixels` returns."""
        x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(faces)))
        x = self.conv2d_4b(self.conv2d_4a(self.conv2d_3b(self.maxpool_3a(x))))
        x = self.repeat_1(x)  # [N, 256, 17, 17]
        x = self.repeat_2(self.mixed_6a(x))  # [N, 896, 8, 8]
        x = self.repeat_3(self.mixed_7a(x))  # [N, 1792, 3, 3]
        x = self.avgpool_1a(self.block8(x)).flatten(1)
        return F.normalize(self.last_bn(self.last_linear(self.dropout(x))), dim=1)


def normalize_pixels(faces: UInt8[Tensor, "N H W 3"]) -> Float[Tensor, "N 3 H W"]:
    """Pixels as the network was trained on them: (x - 127.5) / 128."""
    return (faces.permute(0, 3, 1, 2).float() - 127.5) / 128
