import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mmerc.errors import RunError
from mmerc.features import FeatureRow
from mmerc.features.store import FeatureStore, FeatureWriter


def key(number: int) -> tuple[str, str, str]:
    return ("train", "0", str(number))


def test_rows_of_unequal_length_and_missing_ones(tmp_path: Path) -> None:
    with FeatureWriter(tmp_path) as writer:
        writer.add(FeatureRow(key(0), np.arange(6, dtype=np.float16).reshape(3, 2), None, {"logits": [1.0]}))
        writer.add(FeatureRow(key(1), None, "clip.mp4 has no audio stream"))
        writer.add(FeatureRow(key(2), np.zeros((2, 4, 4, 3), np.uint8)))
    store = FeatureStore(tmp_path)
    assert store[key(0)].values.tolist() == [[0, 1], [2, 3], [4, 5]]  # type: ignore[union-attr]
    assert store[key(0)].metadata == {"logits": [1.0]}
    assert (store[key(1)].values, store[key(1)].reason) == (None, "clip.mp4 has no audio stream")
    assert store[key(2)].values.shape == (2, 4, 4, 3)  # type: ignore[union-attr]
    assert store.list_missing() == {key(1): "clip.mp4 has no audio stream"}
    assert store.list_absent([key(1), key(9)]) == [key(9)]
    assert len(store) == 3 and key(0) in store and key(9) not in store


def test_rows_are_mapped_and_cannot_be_changed(tmp_path: Path) -> None:
    with FeatureWriter(tmp_path) as writer:
        writer.add(FeatureRow(key(0), np.ones((2, 2), np.float16)))
    values = FeatureStore(tmp_path)[key(0)].values
    assert values is not None and not values.flags.writeable and not values.flags.owndata


@given(
    arrays.arrays(np.float16, st.tuples(st.integers(1, 5), st.integers(1, 4)), elements=st.floats(-100, 100, width=16))
)
@settings(max_examples=20, deadline=None)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, values: np.ndarray) -> None:
    folder = tmp_path_factory.mktemp("store")
    with FeatureWriter(folder) as writer:
        writer.add(FeatureRow(key(0), values))
    found = FeatureStore(folder)[key(0)].values
    assert found is not None and np.array_equal(found, values)


def test_the_first_of_two_rows_counts_and_refresh_sees_later_ones(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    assert len(store) == 0
    for number in range(2):
        with FeatureWriter(tmp_path) as writer:
            writer.add(FeatureRow(key(number), np.full((1, 1), number)))
        store.refresh()
    with FeatureWriter(tmp_path) as writer:
        writer.add(FeatureRow(key(0), np.full((1, 1), 9)))
    store.refresh()
    assert [int(store[key(number)].values[0, 0]) for number in range(2)] == [0, 1]  # type: ignore[index]


def _append(folder: Path, first: int) -> None:
    with FeatureWriter(folder) as writer:
        for number in range(first, first + 50):
            writer.add(FeatureRow(key(number), np.full((2, 1), number, np.float16)))
            if number % 10 == 0:
                writer.flush()


def test_several_processes_append_while_one_reads(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append, args=(tmp_path, 100 * number)) for number in range(2)]
    for writer in writers:
        writer.start()
    store = FeatureStore(tmp_path)
    while any(writer.is_alive() for writer in writers):
        store.refresh()
        for found in list(store)[-3:]:
            assert store[found].values is not None
    for writer in writers:
        writer.join()
    store.refresh()
    assert sorted(int(found[2]) for found in store) == [*range(50), *range(100, 150)]


def test_leftovers_are_not_read_and_damage_is_named(tmp_path: Path) -> None:
    (tmp_path / ".partial-rows.arrow").write_bytes(b"half")
    assert len(FeatureStore(tmp_path)) == 0
    (tmp_path / "rows-x-00000.arrow").write_bytes(b"rubbish")
    with pytest.raises(RunError, match="rows-x-00000.arrow is not a feature file"):
        FeatureStore(tmp_path)


def test_a_row_has_values_or_a_reason(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="either values or a reason"):
        FeatureWriter(tmp_path).add(FeatureRow(key(0), None))
