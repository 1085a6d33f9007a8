"""Features: the output of stage 1 (`row`) and its form on disk (`store`), which stage 2 reads.

Prediction keeps features in memory, so this package does not load the store.
"""

from mmerc.features.row import FeatureRow

__all__ = ["FeatureRow"]
