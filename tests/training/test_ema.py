import pytest
import torch
from torch import nn

from mmerc.training.ema import WeightMean


def test_the_mean_follows_the_weights_and_swaps_in_and_out() -> None:
    network = nn.Linear(1, 1, bias=False)
    mean = WeightMean(network, 0.5)
    for value in (1.0, 3.0, 5.0):
        nn.init.constant_(network.weight, value)
        mean.update()
    # Decays 2/11, 3/12, 4/13 in the first steps: 1, then 1 + 2 * (1 - 3/12), then on to 5 by 1 - 4/13.
    after_two = 1 + 2 * 0.75
    expected = after_two + (5 - after_two) * 9 / 13
    mean.swap()
    assert network.weight.item() == pytest.approx(expected)
    mean.swap()
    assert network.weight.item() == 5.0


def test_it_is_kept_and_restored() -> None:
    network = nn.Linear(2, 2)
    mean = WeightMean(network, 0.9)
    mean.update()
    nn.init.zeros_(network.weight)
    mean.update()
    other = WeightMean(network, 0.9)
    other.load(mean.state())
    assert other.steps == 2
    assert all(torch.equal(one, two) for one, two in zip(mean.means, other.means, strict=True))


def test_restored_before_the_network_moves_it_follows() -> None:
    network = nn.Linear(2, 2)
    mean = WeightMean(network, 0.9)
    mean.update()
    other = WeightMean(network, 0.9)
    other.load(mean.state())
    network.to("meta")  # where a GPU stands for any other device
    other.update()
    other.swap()
    assert {each.device.type for each in other.means} == {"meta"} and other.steps == 2


def test_before_the_first_step_there_is_nothing_to_swap() -> None:
    network = nn.Linear(1, 1)
    before = network.weight.item()
    WeightMean(network, 0.9).swap()
    assert network.weight.item() == before


def test_batch_statistics_belong_to_the_mean_of_the_weights() -> None:
    network = nn.BatchNorm1d(1, affine=False)
    mean = WeightMean(network, 0.5)
    for value in (1.0, 3.0):
        network.running_mean.fill_(value)  # type: ignore[union-attr]
        mean.update()
    mean.swap()
    assert network.running_mean.item() == pytest.approx(1 + 2 * 0.75)  # type: ignore[union-attr]
    assert network.num_batches_tracked.item() == 0  # type: ignore[union-attr]
