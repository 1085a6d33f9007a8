import math

import pytest
import torch

from mmerc.training.epoch_metrics import EpochMetrics


def test_steps_of_different_size_give_one_mean() -> None:
    metrics = EpochMetrics()
    metrics.add({"right": (torch.tensor(3.0), torch.tensor(4))})
    metrics.add({"right": (torch.tensor(0.0), torch.tensor(2))})
    assert metrics.compute("dev_") == {"dev_right": 0.5}


def test_a_logarithm_is_averaged_and_reported_as_its_exponential() -> None:
    metrics = EpochMetrics()
    metrics.add({"log_perplexity": (2 * math.log(2), 2)})
    metrics.add({"log_perplexity": (math.log(32), 1)})
    assert metrics.compute()["perplexity"] == pytest.approx(2 ** (7 / 3))


def test_a_metric_with_count_zero_is_left_out_and_one_process_gathers_its_own() -> None:
    metrics = EpochMetrics()
    metrics.add({"none": (0.0, 0), "one": (1.0, 1)})
    assert metrics.gather().compute() == {"one": 1.0}
