import pytest
import torch

from mmerc.campplus.network import BLOCKS, BOTTLENECK, SIZE, CamPlusPlus, MaskedConvolution, Statistics


@pytest.fixture(scope="module")
def network() -> CamPlusPlus:
    torch.manual_seed(0)
    return CamPlusPlus().eval().requires_grad_(False)


def test_a_vector_for_each_window_of_any_length(network: CamPlusPlus) -> None:
    windows = torch.randn(2, 40, 80)
    vectors = network(windows)
    assert vectors.shape == (2, SIZE) and network(windows[:1, :8]).shape == (1, SIZE)
    assert torch.allclose(network(windows[1:]), vectors[1:], atol=1e-4)


def test_names_and_shapes_are_those_of_the_public_weights(network: CamPlusPlus) -> None:
    state = network.state_dict()
    assert len(state) == 937 and sum(num_layers for num_layers, _ in BLOCKS) == 52
    shapes = {
        "head.layer2.0.shortcut.0.weight": (32, 32, 1, 1),
        "xvector.tdnn.linear.weight": (128, 320, 5),
        "xvector.block3.tdnnd16.cam_layer.linear2.bias": (32,),
        "xvector.transit3.linear.weight": (512, 1024, 1),
        "xvector.out_nonlinear.batchnorm.weight": (512,),
        "xvector.dense.linear.weight": (192, 1024, 1),
    }
    assert {name: tuple(state[name].shape) for name in shapes} == shapes
    assert "xvector.dense.nonlinear.batchnorm.weight" not in state


def test_the_mask_of_a_segment_comes_from_its_mean_and_that_of_all() -> None:
    layer = MaskedConvolution(dilation=2).requires_grad_(False)
    for parameter in layer.parameters():
        torch.nn.init.zeros_(parameter)
    layer.linear_local.weight[0, 0, 1] = 1.0  # the first channel is copied
    layer.linear1.weight[0, 0] = 1.0
    layer.linear2.weight[0, 0] = 1.0
    hidden = torch.zeros(1, 150, BOTTLENECK)
    hidden[0, :100, 0], hidden[0, 100:, 0] = 1.0, 4.0  # means: 1 and 4 of the segments, 2 of all
    masked = layer(hidden)[0].T
    assert masked[0, [0, 99]].tolist() == pytest.approx([0.95257] * 2, abs=1e-4)
    assert masked[0, [100, 149]].tolist() == pytest.approx([4 * 0.99753] * 2, abs=1e-4)
    assert not masked[1:].any()


def test_statistics_are_means_and_standard_deviations() -> None:
    assert Statistics()(torch.tensor([[[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]])).flatten().tolist() == [2, 5, 1, 0]


def test_a_known_answer(network: CamPlusPlus) -> None:
    """Weights from a sine. The code of 3D-Speaker (speakerlab 0.0.6) gives these numbers for the same weights."""
    state = {name: value for name, value in network.state_dict().items() if "running" not in name}
    for name, value in state.items():
        is_scale = (
            "batchnorm.weight" in name or (".bn" in name and name.endswith("weight")) or "shortcut.1.weight" in name
        )
        if is_scale:
            value.fill_(1.0)
        elif value.is_floating_point():
            value.copy_(0.2 * torch.arange(value.numel(), dtype=torch.float64).sin().view_as(value))
    vector = network(torch.arange(250 * 80, dtype=torch.float64).cos().float().view(1, 250, 80))[0]
    assert vector[:4].tolist() == pytest.approx([8.6614, 8.0408, 7.2169, 6.2105], abs=1e-3)


def test_a_vector_does_not_depend_on_how_the_length_is_rounded(network: CamPlusPlus) -> None:
    """The 2D convolutions read frames up to a multiple of 16; those that do not exist must not change the result."""
    window = torch.randn(1, 37, 80)
    image = window.transpose(1, 2)[:, None]  # [1, 1, M, T], as the convolutions of torch read it
    head = network.head
    image = head.bn1(head.conv1(image)).relu()
    for block in [*head.layer1, *head.layer2]:
        around = block.shortcut[1](block.shortcut[0](image)) if block.shortcut else image
        image = (block.bn2(block.conv2(block.bn1(block.conv1(image)).relu())) + around).relu()
    image = head.bn2(head.conv2(image)).relu()  # [1, 32, 10, T]
    assert torch.allclose(network.head(window)[0].T, image.flatten(1, 2)[0], atol=1e-5)


def test_what_is_computed_once_follows_the_weights_that_are_loaded(network: CamPlusPlus) -> None:
    window, state = torch.randn(1, 30, 80), network.state_dict()
    other = CamPlusPlus().eval().requires_grad_(False)
    other.load_state_dict(state)
    assert torch.allclose(other(window), network(window), atol=1e-4)
    assert other.state_dict().keys() == state.keys()
    other.load_state_dict({name: torch.rand_like(value.float()) for name, value in state.items()})
    assert not torch.allclose(other(window), network(window), atol=1e-1)
