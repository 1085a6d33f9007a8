import numpy as np

from mmerc.features import FeatureRow


def test_a_row_has_values_or_a_reason() -> None:
    row = FeatureRow(("train", "0", "1"), np.ones((2, 3)))
    assert row.reason is None and row.metadata == {}
    missing = FeatureRow(("train", "0", "2"), None, "it has no clip")
    assert missing.values is None and missing.metadata is not row.metadata
