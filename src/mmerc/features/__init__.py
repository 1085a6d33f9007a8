"""Features: the output of stage 1 on disk, which stage 2 reads."""

from mmerc.features.compact import average_steps, quantize
from mmerc.features.shard import FeatureRow
from mmerc.features.store import FeatureStore
from mmerc.features.writer import FeatureWriter, is_sorted, sort_store

__all__ = [
    "FeatureRow",
    "FeatureStore",
    "FeatureWriter",
    "average_steps",
    "is_sorted",
    "quantize",
    "sort_store",
]
