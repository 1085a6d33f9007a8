"""The groups of parameters, and the learning rate of each step."""

from torch import nn

from mmerc.config import TrainingConfig
from mmerc.training.optimizer import compute_lr_factor, make_optimizer


def test_the_learning_rate_warms_up_and_decays() -> None:
    config = TrainingConfig(warmup_ratio=0.2, lr_schedule="linear")
    assert [round(compute_lr_factor(step, 10, config), 3) for step in range(10)] == [
        0.5,
        1,
        1,
        0.875,
        0.75,
        0.625,
        0.5,
        0.375,
        0.25,
        0.125,
    ]
    flat = TrainingConfig(warmup_ratio=0.0, lr_schedule="constant")
    assert {compute_lr_factor(step, 10, flat) for step in range(10)} == {1.0}
    down = TrainingConfig(warmup_ratio=0.0, lr_schedule="linear")
    assert [compute_lr_factor(step, 4, down) for step in range(4)] == [1.0, 0.75, 0.5, 0.25]
    wave = TrainingConfig(warmup_ratio=0.2, lr_schedule="cosine")
    factors = [round(compute_lr_factor(step, 10, wave), 3) for step in range(10)]
    assert factors == [0.5, 1.0, 1.0, 0.962, 0.854, 0.691, 0.5, 0.309, 0.146, 0.038]


def test_biases_and_gains_have_no_weight_decay() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))
    groups = make_optimizer(network, TrainingConfig(), 10)["optimizer"].param_groups
    assert sorted((group["weight_decay"], sum(value.ndim for value in group["params"])) for group in groups) == [
        (0.0, 3),
        (0.01, 2),
    ]


def test_a_network_may_slow_the_learning_of_some_parameters() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    network.lr_factors = {"0.": 0.5}
    groups = make_optimizer(network, TrainingConfig(learning_rate=0.2, warmup_ratio=0.0), 10)["optimizer"].param_groups
    assert sorted((group["lr"], sum(value.numel() for value in group["params"])) for group in groups) == [
        (0.1, 3),
        (0.1, 6),
        (0.2, 1),
        (0.2, 3),
    ]
