"""Features: what stage 1 leaves behind for stage 2."""

from mmerc.features.store import FeatureStore, FeatureWriter, Row

__all__ = ["FeatureStore", "FeatureWriter", "Row"]
