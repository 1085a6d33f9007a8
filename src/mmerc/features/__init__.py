"""Features: the output of stage 1 (`row`, `compact`) and its form on disk (`shard`, `store`, `writer`), which stage 2 reads.

Prediction keeps features in memory, so this package does not load the store.
"""

from mmerc.features.compact import average_steps, quantize
from mmerc.features.row import FeatureRow

__all__ = ["FeatureRow", "average_steps", "quantize"]
