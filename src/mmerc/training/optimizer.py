"""The optimizer of a training, and how its learning rate changes from step to step."""

import math
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from mmerc.config import TrainingConfig


def make_optimizer(network: nn.Module, config: TrainingConfig, steps: int) -> dict[str, Any]:
    """The optimizer and the schedule of a training of so many steps, as Lightning takes them.

    A network may have `lr_factors`: by prefix of a parameter's name, its learning rate as a multiple of the configured one.
    """
    groups = _group_parameters(network, config)
    optimizer: torch.optim.Optimizer
    if config.optimizer == "sgd":
        optimizer = torch.optim.SGD(groups, config.learning_rate, momentum=config.momentum)
    else:
        optimizer = torch.optim.AdamW(groups, config.learning_rate, fused=True)
    schedule = LambdaLR(optimizer, lambda step: compute_lr_factor(step, steps, config))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _group_parameters(network: nn.Module, config: TrainingConfig) -> list[dict[str, Any]]:
    """The parameters that are trained, in groups of one learning rate and one weight decay."""
    factors = getattr(network, "lr_factors", {})
    by_kind: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for name, value in network.named_parameters():
        if value.requires_grad:
            factor = next((factor for prefix, factor in factors.items() if name.startswith(prefix)), 1.0)
            by_kind.setdefault((value.ndim > 1, factor), []).append(value)
    # Biases and normalisation weights have no weight decay: shrinking them does not regularise.
    return [
        {"params": values, "weight_decay": config.weight_decay * is_matrix, "lr": config.learning_rate * factor}
        for (is_matrix, factor), values in by_kind.items()
    ]


def compute_lr_factor(step: int, steps: int, config: TrainingConfig) -> float:
    """Compute the learning rate at `step` of `steps` as a share of the configured one.

    It rises linearly during the warm-up, then is constant, or decays to 0 linearly or as half a cosine wave.
    """
    warmup = max(1, int(config.warmup_ratio * steps))
    if config.warmup_ratio and step < warmup:
        return (step + 1) / warmup
    if config.lr_schedule == "constant":
        return 1.0
    decay_start = warmup if config.warmup_ratio else 0
    left = max(0.0, (steps - step) / max(1, steps - decay_start))  # share of the decay to come
    return left if config.lr_schedule == "linear" else (1 - math.cos(math.pi * left)) / 2
