import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from mmerc.errors import RunError
from mmerc.features import FeatureRow
from mmerc.features.store import FeatureStore
from mmerc.features.writer import FeatureWriter, sort_store
from tests.features.stores import key, write_shuffled


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


def test_padded_arrays_are_those_of_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmerc.features.store.OPEN_SHARDS", 2)
    keys = write_shuffled(tmp_path)
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
    keys = write_shuffled(tmp_path)
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
    keys = write_shuffled(tmp_path)
    store = FeatureStore(tmp_path)
    assert len(store) == 20 and sorted(store) == sorted(keys)
    assert [store[each].key for each in keys] == keys
