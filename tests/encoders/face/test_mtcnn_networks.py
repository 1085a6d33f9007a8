import pytest
import torch
from torch import nn

from mmerc.encoders.face.mtcnn_networks import OutputNetwork, ProposalNetwork, RefinementNetwork
from tests.encoders.waves import fill_with_waves


@torch.no_grad()
def test_the_proposal_network_scores_windows_of_12_pixels_two_pixels_apart() -> None:
    network = ProposalNetwork().eval()
    fill_with_waves(network, scaled=True)
    image = torch.sin(torch.arange(3 * 20 * 30) * 0.1).reshape(1, 3, 20, 30)
    offsets, scores = network(image)
    assert offsets.shape == (1, 4, 5, 10) and scores.shape == (1, 5, 10)
    assert 0 < float(scores.min()) <= float(scores.max()) < 1
    window_offsets, window_score = network(image[:, :, 2:14, 6:18])  # the window of row 1 and column 3
    assert torch.allclose(window_score[0, 0, 0], scores[0, 1, 3], atol=1e-6)
    assert torch.allclose(window_offsets[0, :, 0, 0], offsets[0, :, 1, 3], atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize(
    ("network", "size", "widths", "parameters"),
    [(RefinementNetwork(), 24, [4], 100_178), (OutputNetwork(), 48, [4, 10], 389_040)],
)
def test_the_other_networks_score_each_crop(network: nn.Module, size: int, widths: list[int], parameters: int) -> None:
    fill_with_waves(network, scaled=True)
    network.eval()
    assert sum(value.numel() for value in network.parameters()) == parameters
    crops = torch.sin(torch.arange(2 * 3 * size * size) * 0.1).reshape(2, 3, size, size)
    *offsets, scores = network(crops)
    assert [tuple(part.shape) for part in offsets] == [(2, width) for width in widths] and scores.shape == (2,)
    assert ((scores > 0) & (scores < 1)).all()
    *_, alone = network(crops[1:])
    assert torch.allclose(alone, scores[1:], atol=1e-6)


def test_the_dense_layers_read_the_width_first() -> None:
    """The published weights expect the features in the order width, height, channel."""
    network = RefinementNetwork().eval()
    crop = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        x = network.pool1(network.prelu1(network.conv1(crop)))
        x = network.prelu3(network.conv3(network.pool2(network.prelu2(network.conv2(x)))))  # [1, 64, 3, 3]
        features = [x[0, channel, row, column] for column in range(3) for row in range(3) for channel in range(64)]
        hidden = network.prelu4(network.dense4(torch.stack(features)[None]))
        expected = network.dense5_1(hidden).softmax(1)[:, 1]
        assert torch.allclose(network(crop)[1], expected, atol=1e-6)
