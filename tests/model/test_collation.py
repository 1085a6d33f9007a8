import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora import Key
from mmerc.features import FeatureRow
from mmerc.model.collation import FusionExamples, count_steps, make_batches, unpack_batch

KEYS: list[Key] = [("t", "0", "0"), ("t", "0", "1")]


def test_a_missing_modality_is_a_sequence_without_a_step() -> None:
    stores = {
        "a": {KEYS[0]: FeatureRow(KEYS[0], np.ones((2, 3), np.float16)), KEYS[1]: FeatureRow(KEYS[1], None, "why")},
        "b": {KEYS[0]: FeatureRow(KEYS[0], None, "why"), KEYS[1]: FeatureRow(KEYS[1], np.ones((4, 2), np.float16))},
    }
    assert [count_steps(stores["a"][key]) for key in KEYS] == [2, 0]
    examples = FusionExamples(stores, {"a": 3, "b": 2}, KEYS, [0, 1])
    assert examples.lengths == [2, 4] and list(examples.units) == [[0], [1]]
    sequences, masks, dialogues = unpack_batch(examples.collate([1, 0], None))
    assert dialogues is None
    assert {name: tuple(value.shape) for name, value in sequences.items()} == {"a": (2, 2, 3), "b": (2, 4, 2)}
    assert masks["a"].sum(1).tolist() == [0, 2] and masks["b"].sum(1).tolist() == [4, 0]
    assert not sequences["a"][0].any()


def test_dialogues_come_together_with_the_numbers_of_their_speakers() -> None:
    keys = [("t", dialogue, str(n)) for dialogue, count in (("x", 3), ("y", 2)) for n in range(count)]
    stores = {"a": {key: FeatureRow(key, np.ones((1, 3), np.float16)) for key in keys}}
    speakers = dict(zip(keys, ["Ann", "Bob", "Ann", "Cid", "Ann"], strict=True))
    examples = FusionExamples(stores, {"a": 3}, keys, [0] * 5, by_dialogue=True, speakers=speakers)
    assert examples.units == [[0, 1, 2], [3, 4]]
    dialogues = unpack_batch(examples.collate([3, 4, 0, 1, 2], None))[2]
    assert dialogues is not None
    # [row of the batch, number of the speaker]; -1 after the last utterance
    assert dialogues.tolist() == [[[0, 0], [1, 1], [-1, -1]], [[2, 0], [3, 1], [4, 0]]]


def test_neighbours_in_length_are_in_one_batch() -> None:
    lengths = [random.Random(0).randint(1, 100) for _ in range(256)]
    batches = make_batches(lengths, 8, random.Random(0))
    spreads = [max(lengths[i] for i in batch) - min(lengths[i] for i in batch) for batch in batches]
    assert np.mean(spreads) < 15


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(1, 9), st.none() | st.integers(0, 5))
def test_every_index_is_in_one_batch(lengths: list[int], size: int, seed: int | None) -> None:
    batches = make_batches(lengths, size, None if seed is None else random.Random(seed))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(1 <= len(batch) <= size for batch in batches)


@pytest.mark.parametrize("size", [4, 10])
def test_batches_of_units_hold_at_most_their_size_or_one_unit(size: int) -> None:
    counts = [3, 1, 8, 2, 2, 5]
    for batch in make_batches([1] * 6, size, random.Random(1), counts):
        assert sum(counts[index] for index in batch) <= size or len(batch) == 1
