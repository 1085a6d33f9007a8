from pathlib import Path

import numpy as np
import pytest

from mmerc.features import FeatureRow
from mmerc.features.store import FeatureStore
from mmerc.features.writer import FeatureWriter, is_sorted, sort_store
from mmerc.files import read_json
from tests.features.stores import key, write_shuffled


def test_sorted_shards_have_the_order_of_the_corpus_and_a_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmerc.features.writer.SHARD_ROWS", 8)
    keys = write_shuffled(tmp_path)
    store, other = FeatureStore(tmp_path), FeatureStore(tmp_path)
    before = {each: store[each] for each in keys}
    assert not is_sorted(store)
    sort_store(store, keys)
    other.refresh()  # of another process, which knows the files of before
    for each in (store, other, FeatureStore(tmp_path)):
        assert list(each) == keys and is_sorted(each)
        for name, row in before.items():
            found = each[name]
            assert found.reason == row.reason and found.metadata == row.metadata
            assert row.values is None or np.array_equal(found.values, row.values)  # type: ignore[arg-type]
    manifest = read_json(tmp_path / "manifest.json")
    assert manifest["rows"] == 20 and [shard["rows"] for shard in manifest["shards"]] == [8, 8, 4]
    assert {path.name for path in tmp_path.iterdir()} == {
        "manifest.json", *(shard["file"] for shard in manifest["shards"])
    }  # fmt: skip


def test_a_sort_that_was_killed_loses_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = write_shuffled(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("mmerc.features.writer.write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sort_store(FeatureStore(tmp_path), keys)
    store = FeatureStore(tmp_path)
    assert len(store) == 20 and not store.list_absent(keys)
    sort_store(store, keys)
    assert list(store) == keys and is_sorted(store)


def test_rows_of_other_types_are_other_shards(tmp_path: Path) -> None:
    with FeatureWriter(tmp_path) as writer:
        for number, dtype in enumerate((np.uint8, np.int64, np.float32, np.float16, np.int16)):
            writer.add(FeatureRow(key(number), np.full((2, 3), number, dtype)))
    store = FeatureStore(tmp_path)
    found = [store[key(number)].values for number in range(5)]
    assert [str(each.dtype) for each in found] == ["uint8", "int64", "float32", "float16", "int16"]  # type: ignore[union-attr]
    assert len(list(tmp_path.glob("*.arrow"))) == 5
    with pytest.raises(ValueError, match="no array of numbers"):
        FeatureWriter(tmp_path).add(FeatureRow(key(9), np.array([["a"]])))


def test_a_row_has_values_or_a_reason(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="either values or a reason"):
        FeatureWriter(tmp_path).add(FeatureRow(key(0), None))
