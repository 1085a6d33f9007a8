import torch

from mmerc.outputs import split_outputs


def test_without_dimensions_the_logits_are_the_outputs() -> None:
    outputs = torch.randn(3, 4)
    logits, dimensions = split_outputs(outputs, 0)
    assert logits.equal(outputs) and dimensions.shape == (3, 0)
