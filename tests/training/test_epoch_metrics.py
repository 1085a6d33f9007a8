import math

import pytest
import torch

from mmerc.training.epoch_metrics import Means


def test_sums_and_counts_of_unequal_steps_make_one_mean() -> None:
    means = Means()
    means.add({"right": (torch.tensor(3.0), torch.tensor(4))})
    means.add({"right": (torch.tensor(0.0), torch.tensor(2))})
    assert means.values("dev_") == {"dev_right": 0.5}


def test_a_logarithm_is_averaged_as_one_and_reported_as_its_exponential() -> None:
    means = Means()
    means.add({"log_perplexity": (2 * math.log(2), 2)})
    means.add({"log_perplexity": (math.log(32), 1)})
    assert means.values()["perplexity"] == pytest.approx(2 ** (7 / 3))


def test_what_was_never_counted_is_left_out_and_one_process_gathers_itself() -> None:
    means = Means()
    means.add({"none": (0.0, 0), "one": (1.0, 1)})
    assert means.gathered().values() == {"one": 1.0}
