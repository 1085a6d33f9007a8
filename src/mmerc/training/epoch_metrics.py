"""Means over an epoch of what each step gives as a sum and a count."""

import math
from collections.abc import Mapping

from torch import Tensor

from mmerc.training import distributed

LOGARITHM = "log_"


class Means:
    """Running sums and counts by name. What is called `log_x` is averaged as a logarithm and reported as `x`.

    >>> means = Means()
    >>> means.add({"right": (1, 2), "log_perplexity": (0.0, 1)}); means.add({"right": (2, 2)})
    >>> means.values()
    {'right': 0.75, 'perplexity': 1.0}
    """

    def __init__(self) -> None:
        self.totals: dict[str, tuple[float, float]] = {}

    def add(self, step: Mapping[str, tuple[Tensor | float, Tensor | float]]) -> None:
        for name, (total, count) in step.items():
            before = self.totals.get(name, (0.0, 0.0))
            self.totals[name] = (before[0] + float(total), before[1] + float(count))

    def gathered(self) -> "Means":
        """The means over all processes."""
        whole = Means()
        for name, total, count in distributed.gathered([(name, *pair) for name, pair in self.totals.items()]):
            whole.add({name: (total, count)})
        return whole

    def values(self, prefix: str = "") -> dict[str, float]:
        """Each mean; a name that was never counted is left out."""
        means = {name: total / count for name, (total, count) in self.totals.items() if count}
        return {
            prefix + name.removeprefix(LOGARITHM): math.exp(mean) if name.startswith(LOGARITHM) else mean
            for name, mean in means.items()
        }
