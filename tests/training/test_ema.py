import pytest
import torch
from torch import nn

from mmerc.training.ema import WeightEMA


def test_the_average_follows_the_weights_and_swaps_in_and_out() -> None:
    network = nn.Linear(1, 1, bias=False)
    ema = WeightEMA(network, 0.5)
    for value in (1.0, 3.0, 5.0):
        nn.init.constant_(network.weight, value)
        ema.update()
    # The first decays are 2/11, 3/12 and 4/13: the average is 1, then 1 + 2 * (1 - 3/12), then 1 - 4/13 nearer to 5.
    after_two = 1 + 2 * 0.75
    expected = after_two + (5 - after_two) * 9 / 13
    ema.swap()
    assert network.weight.item() == pytest.approx(expected)
    ema.swap()
    assert network.weight.item() == 5.0


def test_its_state_is_restored() -> None:
    network = nn.Linear(2, 2)
    ema = WeightEMA(network, 0.9)
    ema.update()
    nn.init.zeros_(network.weight)
    ema.update()
    other = WeightEMA(network, 0.9)
    other.load(ema.state())
    assert other.steps == 2
    assert all(torch.equal(one, two) for one, two in zip(ema.averages, other.averages, strict=True))


def test_it_follows_a_network_that_moves_to_another_device_after_the_restore() -> None:
    network = nn.Linear(2, 2)
    ema = WeightEMA(network, 0.9)
    ema.update()
    other = WeightEMA(network, 0.9)
    other.load(ema.state())
    network.to("meta")  # any other device would do
    other.update()
    other.swap()
    assert {each.device.type for each in other.averages} == {"meta"} and other.steps == 2


def test_swap_does_nothing_before_the_first_step() -> None:
    network = nn.Linear(1, 1)
    before = network.weight.item()
    WeightEMA(network, 0.9).swap()
    assert network.weight.item() == before


def test_batch_statistics_are_averaged() -> None:
    network = nn.BatchNorm1d(1, affine=False)
    ema = WeightEMA(network, 0.5)
    for value in (1.0, 3.0):
        network.running_mean.fill_(value)  # type: ignore[union-attr]
        ema.update()
    ema.swap()
    assert network.running_mean.item() == pytest.approx(1 + 2 * 0.75)  # type: ignore[union-attr]
    assert network.num_batches_tracked.item() == 0  # type: ignore[union-attr]
