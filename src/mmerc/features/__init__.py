"""Features: the output of stage 1 on disk, which stage 2 reads."""

from mmerc.features.store import FeatureRow, FeatureStore, FeatureWriter

__all__ = ["FeatureRow", "FeatureStore", "FeatureWriter"]
