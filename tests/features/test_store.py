import multiprocessing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mmerc.errors import RunError
from mmerc.features import FeatureRow, FeatureStore, FeatureWriter, is_sorted, quantize, sort_store
from mmerc.files import read_json


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


def _write_shuffled(folder: Path, count: int = 20) -> list[tuple[str, str, str]]:
    """Rows in another order than that of the keys, which are returned; each has its number as its value."""
    with FeatureWriter(folder) as writer:
        for number in sorted(range(count), key=lambda number: number * 7 % count):
            values = np.full((1 + number % 3, 2), number, np.float16)
            row = FeatureRow(key(number), values, None, {"logits": [number / 2, 0.0]})
            writer.add(FeatureRow(key(number), None, "no clip") if number % 5 == 4 else quantize(row))
            if number % 4 == 0:
                writer.flush()
    return [key(number) for number in range(count)]


def test_sorted_shards_have_the_order_of_the_corpus_and_a_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmerc.features.writer.SHARD_ROWS", 8)
    keys = _write_shuffled(tmp_path)
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
    keys = _write_shuffled(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("mmerc.features.writer.write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sort_store(FeatureStore(tmp_path), keys)
    store = FeatureStore(tmp_path)
    assert len(store) == 20 and not store.list_absent(keys)
    sort_store(store, keys)
    assert list(store) == keys and is_sorted(store)


def test_padded_arrays_are_those_of_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmerc.features.store.OPEN_SHARDS", 2)
    keys = _write_shuffled(tmp_path)
    store = FeatureStore(tmp_path)
    asked = [keys[number] for number in (19, 3, 0, 4, 4, 11, 7)]
    values, mask = store.read_padded(store.find(asked), 2)
    assert values.shape == (7, 3, 2) and mask.sum(1).tolist() == [0, 1, 1, 0, 0, 3, 2]
    assert store.count_steps(asked).tolist() == mask.sum(1).tolist()
    for row, name in enumerate(asked):
        own = store[name].values
        assert not values[row][~mask[row]].any()
        assert own is None or np.array_equal(values[row][mask[row]], own)


@pytest.mark.parametrize("damage", ["cut", "absent", "manifest"])
def test_a_damaged_shard_is_one_sentence(tmp_path: Path, damage: str) -> None:
    keys = _write_shuffled(tmp_path)
    sort_store(FeatureStore(tmp_path), keys)
    (shard,) = tmp_path.glob("*.arrow")
    if damage == "cut":
        shard.write_bytes(shard.read_bytes()[:-100])
    elif damage == "absent":
        shard.unlink()
    else:
        (tmp_path / "manifest.json").write_text('{"shards": [1]}')
    what = {"cut": "has .* bytes in place of", "absent": "is absent", "manifest": "manifest.json is damaged"}[damage]
    with pytest.raises(RunError, match=f"^[^\n]*{what}.*: delete the folder .* and run the same command again.$"):
        FeatureStore(tmp_path)


def test_two_keys_with_one_hash_stay_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmerc.features.store.hash", lambda key: 7, raising=False)
    keys = _write_shuffled(tmp_path)
    store = FeatureStore(tmp_path)
    assert len(store) == 20 and sorted(store) == sorted(keys)
    assert [store[each].key for each in keys] == keys


def test_a_program_without_mmerc_reads_the_shards(tmp_path: Path) -> None:
    """As the manual says it."""
    keys = _write_shuffled(tmp_path)
    sort_store(FeatureStore(tmp_path), keys)
    (shard,) = tmp_path.glob("*.arrow")
    table = pa.ipc.open_file(shard).read_all()
    rows = table.to_pylist()
    assert [row["utterance"] for row in rows] == [str(number) for number in range(20)]
    assert rows[4]["values"] is None and rows[4]["reason"] == "no clip"
    row = rows[11]
    array = np.array(row["values"]).reshape(row["shape"]) * np.array(row["scales"])[:, None]
    assert array.shape == (3, 2) and array == pytest.approx(11, rel=0.01)


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
