"""Means over an epoch of metrics that each step gives as a sum and a count."""

import math
from collections.abc import Mapping

from torch import Tensor

from mmerc.training import distributed

LOGARITHM = "log_"


class EpochMetrics:
    """Sums and counts by name. A metric called `log_x` is averaged as a logarithm and reported as `x`.

    >>> metrics = EpochMetrics()
    >>> metrics.add({"right": (1, 2), "log_perplexity": (0.0, 1)}); metrics.add({"right": (2, 2)})
    >>> metrics.compute()
    {'right': 0.75, 'perplexity': 1.0}
    """

    def __init__(self) -> None:
        self.totals: dict[str, tuple[float, float]] = {}

    def add(self, step: Mapping[str, tuple[Tensor | float, Tensor | float]]) -> None:
        """Add one step's (sum, count) of each metric."""
        for name, (total, count) in step.items():
            before = self.totals.get(name, (0.0, 0.0))
            self.totals[name] = (before[0] + float(total), before[1] + float(count))

    def gather(self) -> "EpochMetrics":
        """Return the metrics over all processes."""
        gathered = EpochMetrics()
        for name, total, count in distributed.gather([(name, *pair) for name, pair in self.totals.items()]):
            gathered.add({name: (total, count)})
        return gathered

    def compute(self, prefix: str = "") -> dict[str, float]:
        """Return the mean of each metric under `prefix` + name; a metric with count 0 is left out."""
        means = {name: total / count for name, (total, count) in self.totals.items() if count}
        return {
            prefix + name.removeprefix(LOGARITHM): math.exp(mean) if name.startswith(LOGARITHM) else mean
            for name, mean in means.items()
        }
