import numpy as np
import pytest
import torch

from mmerc.encoders.face.facenet import InceptionResnetV1, normalize_pixels
from tests.encoders.waves import fill_with_waves


@torch.no_grad()
def test_same_weights_give_the_embedding_of_facenet_pytorch() -> None:
    network = InceptionResnetV1().eval()
    fill_with_waves(network, scaled=True)
    out = network(torch.sin(torch.arange(3 * 160 * 160) * 0.01).reshape(1, 3, 160, 160))
    # From facenet-pytorch 2.5.3's InceptionResnetV1 with the same weights and input.
    expected = torch.tensor([0.03697, 0.01598, -0.05617, -0.06268, -0.03312, 0.01241])
    assert torch.allclose(out[0, [0, 1, 2, 100, 255, 511]], expected, atol=2e-5)
    assert float(out.norm()) == pytest.approx(1, abs=1e-5)


def test_names_and_shapes_are_those_of_the_public_checkpoints() -> None:
    network = InceptionResnetV1(n_identities=8631)
    state = network.state_dict()
    assert len(state) == 716 and sum(value.numel() for value in network.parameters()) == 23_482_624 + 8631 * 513
    assert state["repeat_1.4.branch2.2.conv.weight"].shape == (32, 32, 3, 3)
    assert state["repeat_2.9.branch1.1.conv.weight"].shape == (128, 128, 1, 7)
    assert state["mixed_7a.branch2.2.bn.running_var"].shape == (256,)
    assert state["block8.conv2d.bias"].shape == (1792,)
    assert state["logits.weight"].shape == (8631, 512)


def test_pixels_are_scaled_as_in_training() -> None:
    pixels = torch.from_numpy(np.array([[[[0, 127, 255]]]], np.uint8))
    assert normalize_pixels(pixels).flatten().tolist() == [-0.99609375, -0.00390625, 0.99609375]
