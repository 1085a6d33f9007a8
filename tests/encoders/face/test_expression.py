import subprocess
import sys

import pytest
import torch
from torch import nn

from mmerc.encoders.face.expression import ExpressionNetwork, GreyNetwork, normalize_grey
from mmerc.encoders.face.resnet import ResidualNetwork


def test_light_and_colour_have_no_effect() -> None:
    rng = torch.Generator().manual_seed(0)
    faces = torch.randint(40, 110, (2, 48, 48, 3), generator=rng, dtype=torch.uint8)
    assert float((normalize_grey(faces) - normalize_grey(2 * faces)).abs().max()) < 0.2
    assert torch.allclose(normalize_grey(faces), normalize_grey(faces.flip(-1)))
    assert normalize_grey(torch.full((1, 8, 8, 3), 7, dtype=torch.uint8)).abs().max() == 0


def test_number_of_parameters_and_shape() -> None:
    network = ExpressionNetwork(32, 0.3).eval()
    assert sum(value.numel() for value in network.parameters()) == 1_225_824
    assert network(torch.zeros(3, 48, 48, 3, dtype=torch.uint8)).shape == (3, 256)


@pytest.mark.parametrize("kind", [ExpressionNetwork, ResidualNetwork])
def test_fused_normalisation_gives_the_same_vectors(kind: type[GreyNetwork]) -> None:
    torch.manual_seed(0)
    network = kind(8, 0.3).eval()  # type: ignore[call-arg, arg-type]
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        assert norm.running_mean is not None and norm.running_var is not None
        norm.running_mean.normal_(), norm.running_var.uniform_(0.5, 2)
        norm.weight.data.uniform_(0.5, 1.5), norm.bias.data.normal_()
    faces = torch.randint(0, 255, (3, 48, 48, 3), dtype=torch.uint8)
    expected = network(faces)
    network.fuse_normalization()
    assert norms and not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    torch.testing.assert_close(network(faces), expected, rtol=1e-4, atol=1e-4)


TRAINING = """
import torch
from mmerc.encoders.face.expression import ExpressionNetwork
from mmerc.hardware import keep_memory

keep_memory()  # glibc then notices writes outside of a tensor and ends the process
torch.manual_seed(0)
network = ExpressionNetwork(12, 0.1)
optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
for _ in range(10):
    faces = torch.randint(0, 255, (int(torch.randint(50, 330, ())), 48, 48, 3), dtype=torch.uint8)
    network(faces).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()
"""


def test_training_does_not_write_outside_of_its_memory() -> None:
    assert subprocess.run([sys.executable, "-c", TRAINING], capture_output=True).returncode == 0
