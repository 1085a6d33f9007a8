from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mmerc.features import FeatureRow, average_steps, quantize
from mmerc.features.store import FeatureStore
from mmerc.features.writer import FeatureWriter

KEY = ("train", "0", "0")


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 1))
def test_the_mean_of_all_steps_is_kept_and_a_short_sequence_is_not_changed(steps: int, most: int, leading: int) -> None:
    sequence = np.random.default_rng(steps).normal(size=(steps, 3)).astype(np.float32)
    found = average_steps(sequence, most, leading)
    assert len(found) == min(steps, most) and found.dtype == sequence.dtype
    if steps <= most:
        assert found is sequence
    elif leading and most > 1:
        assert np.array_equal(found[0], sequence[0])
        assert (
            np.abs(found[1:] - sequence[1:].mean(0)).max() <= np.abs(sequence[1:] - sequence[1:].mean(0)).max() + 1e-6
        )
    assert average_steps(sequence, 1)[0] == pytest.approx(sequence.mean(0), abs=1e-5)


@given(arrays.arrays(np.float32, (4, 5), elements=st.floats(-1e4, 1e4, width=32)))
@settings(max_examples=50, deadline=None)
def test_one_byte_keeps_each_number_to_half_a_scale(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray
) -> None:
    row = quantize(FeatureRow(KEY, values))
    assert row.values is not None and row.scales is not None
    assert (np.abs(row.values - values) <= 0.501 * row.scales[:, None]).all()
    folder = tmp_path_factory.mktemp("store")
    with FeatureWriter(folder) as writer:
        writer.add(row)
    found = FeatureStore(folder)[KEY]
    assert np.array_equal(found.values, row.values) and np.array_equal(found.scales, row.scales)  # type: ignore[arg-type]


def test_zeros_missing_rows_and_numbers_that_are_not_finite_stay(tmp_path: Path) -> None:
    zeros = quantize(FeatureRow(KEY, np.zeros((2, 3), np.float16)))
    assert zeros.values is not None and not zeros.values.any()
    missing = FeatureRow(KEY, None, "no clip")
    assert quantize(missing) is missing
    with FeatureWriter(tmp_path) as writer:
        writer.add(quantize(FeatureRow(KEY, np.array([[1.0, np.nan], [2.0, 4.0]]))))
    found = FeatureStore(tmp_path)[KEY].values
    assert found is not None and np.isnan(found[0]).all() and np.isfinite(found[1]).all()
