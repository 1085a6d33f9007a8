import pytest
import torch

from mmerc.encoders.face.resnet import ResidualBlock, ResidualNetwork


def test_number_of_parameters_and_shape() -> None:
    network = ResidualNetwork(32, 0.3).eval()
    assert sum(value.numel() for value in network.parameters()) == 1_518_240
    assert network.width == 192


@pytest.mark.parametrize("side", [32, 40, 48, 51])
def test_every_size_of_crops_is_read(side: int) -> None:
    network = ResidualNetwork(8, 0.3).eval()
    assert network(torch.zeros(2, side, side, 3, dtype=torch.uint8)).shape == (2, 48)


def test_a_new_block_is_its_shortcut() -> None:
    block = ResidualBlock(8, 8, 1).eval()
    x = torch.randn(2, 8, 5, 5)
    assert torch.equal(block(x), x.relu())
    half = ResidualBlock(8, 16, 2).eval()
    assert half(x).shape == (2, 16, 3, 3)
    assert torch.allclose(half(x), half.shortcut(x).relu())


def test_the_network_learns_to_tell_dark_from_bright_mouths() -> None:
    torch.manual_seed(0)
    faces = torch.full((16, 16, 16, 3), 120, dtype=torch.uint8)
    faces[::2, 10:13, 4:12], faces[1::2, 10:13, 4:12] = 20, 220
    labels = torch.arange(16) % 2
    network, classifier = ResidualNetwork(8, 0.0), torch.nn.Linear(48, 2)
    weights = [*network.parameters(), *classifier.parameters()]
    for _ in range(8):
        loss = torch.nn.functional.cross_entropy(classifier(network(faces)), labels)
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for value, gradient in zip(weights, gradients, strict=True):
                value -= 0.1 * gradient
    assert loss.item() < 0.2
