"""ByteDropout behaves like torch's dropout: the same in expectation, and equal where nothing is dropped."""

import pytest
import torch
from torch import nn

from mmerc.encoders.text.dropout import ByteDropout, replace_dropout


def test_some_values_are_zero_and_the_others_keep_the_mean() -> None:
    torch.manual_seed(0)

    out = ByteDropout(0.1)(torch.ones(1000, 77))

    assert out.unique().tolist() == [0.0, pytest.approx(256 / 230)]  # 0.1 is 26 of 256
    assert (out == 0).float().mean().item() == pytest.approx(26 / 256, abs=0.005)
    assert out.mean().item() == pytest.approx(1.0, abs=0.005)


def test_the_same_seed_drops_the_same_values() -> None:
    dropout, ones = ByteDropout(0.5), torch.ones(13)
    torch.manual_seed(3)
    first = dropout(ones)
    torch.manual_seed(3)

    assert torch.equal(dropout(ones), first)


def test_gradients_flow_only_through_kept_values() -> None:
    values = torch.ones(64, requires_grad=True)

    out = ByteDropout(0.25)(values)
    out.sum().backward()

    assert values.grad is not None
    assert torch.equal(values.grad, out.detach())


@pytest.mark.parametrize(("probability", "expected"), [(0.0, 1.0), (1.0, 0.0), (0.001, 1.0)])
def test_at_the_limits_nothing_or_everything_is_dropped(probability: float, expected: float) -> None:
    torch.manual_seed(0)
    assert ByteDropout(probability)(torch.ones(1, 5)).unique().tolist() == [pytest.approx(expected, abs=0.01)]


def test_evaluation_changes_nothing() -> None:
    assert torch.equal(ByteDropout(0.9).eval()(torch.arange(9.0)), torch.arange(9.0))


def test_every_dropout_is_replaced_and_the_names_of_the_weights_stay() -> None:
    original = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.3), nn.Sequential(nn.Dropout(0.2)))
    names = list(original.state_dict())

    network = replace_dropout(original)

    assert [type(m).__name__ for m in network.modules() if isinstance(m, nn.Dropout)] == ["ByteDropout"] * 2
    assert [m.p for m in network.modules() if isinstance(m, ByteDropout)] == [0.3, 0.2]
    assert list(network.state_dict()) == names
