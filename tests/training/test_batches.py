import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmerc.encoders import ENCODERS, check_encoder_config
from mmerc.features import FeatureRow
from mmerc.fusion import FusionConfig, build_fusion
from mmerc.model.collation import FusionExamples, unpack_batch
from mmerc.training import balance
from mmerc.training.batches import Batches, EncoderExamples, get_inputs
from mmerc.training.loop import fit
from mmerc.training.run_config import TrainerConfig
from mmerc.training.splits import CONTEXT
from mmerc.training.task import Task


class Numbers:
    """Each example is its own number."""

    def __init__(self, count: int) -> None:
        self.keys = [("train", "0", str(number)) for number in range(count)]
        self.labels = [number % 3 for number in range(count)]
        self.corpora = [0] * count
        self.lengths = [number % 7 + 1 for number in range(count)]
        self.units = [[number] for number in range(count)]
        self.counts = [1] * count

    def collate(self, indices: list[int], rng: random.Random | None) -> dict[str, torch.Tensor]:
        return {"x": torch.tensor(indices)}


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 4), st.integers(0, 5))
def test_every_example_is_seen_once_whatever_the_processes(count: int, size: int, world: int, epoch: int) -> None:
    seen: Counter[int] = Counter()
    for rank in range(world):
        batches = Batches(Numbers(count), size, seed=1, epoch=epoch, rank=rank, world=world)
        for batch in (batches[number] for number in range(len(batches))):
            if batch["share"] > 0:
                seen.update(batch["indices"].tolist())
    assert seen == Counter(range(count))


@pytest.mark.parametrize("world", [1, 2, 3])
def test_the_batches_of_a_large_corpus_are_of_neighbours_and_every_example_is_seen_once(
    world: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(balance, "BLOCK", 25)
    monkeypatch.setattr(balance, "WINDOW", 100)
    for epoch in (0, 1, None):
        seen: list[Counter[int]] = []
        for rank in range(world):
            batches = Batches(Numbers(990), 9, seed=1, epoch=epoch, rank=rank, world=world)
            assert all(len({unit // 25 for unit in batch}) <= 9 for batch in batches.batches)
            found = [batches[number] for number in range(len(batches))]
            seen.append(Counter(i for batch in found if batch["share"] > 0 for i in batch["indices"].tolist()))
        assert sum(seen, Counter()) == Counter(range(990))
        blocks = [{unit // 25 for unit in each} for each in seen]
        assert sum(map(len, blocks)) == 40  # no block is read by two processes
        assert max(map(len, blocks)) - min(map(len, blocks)) <= 1
    several = Numbers(990)
    several.corpora = [0] * 900 + [1] * 90
    counted = Counter(several.corpora[unit] for batch in Batches(several, 8, seed=1, epoch=3).batches for unit in batch)
    assert abs(counted[0] - counted[1]) <= 1


def test_processes_with_own_parts_have_batches_of_the_same_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balance, "BLOCK", 50)
    monkeypatch.setattr(balance, "WINDOW", 800)
    examples = Numbers(1600)
    examples.lengths = [1 + number * 37 % 50 for number in range(1600)]
    both = [Batches(examples, 20, seed=1, epoch=0, rank=rank, world=2) for rank in range(2)]
    assert both[0].parts == both[1].parts and all(len(part) == 10 for parts in both[0].parts for part in parts)
    longest = np.asarray([[max(examples.lengths[unit] for unit in part) for part in parts] for parts in both[0].parts])
    assert np.abs(longest[:, 0] - longest[:, 1]).mean() < 3


@given(st.integers(1, 30), st.integers(1, 8), st.integers(1, 3))
def test_shares_make_the_mean_over_processes_the_mean_over_the_batch(count: int, size: int, world: int) -> None:
    parts = [Batches(Numbers(count), size, seed=0, epoch=0, rank=rank, world=world) for rank in range(world)]
    for number in range(len(parts[0])):
        batch_indices = [float(index) for index in parts[0].batches[number]]
        means = [batch["share"] * batch["indices"].float().mean() for batch in (part[number] for part in parts)]
        assert float(torch.stack(means).mean()) == pytest.approx(np.mean(batch_indices), abs=1e-4)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(1, 3), st.integers(0, 3))
def test_several_corpora_have_the_same_weight_whatever_the_processes(
    first: int, second: int, size: int, world: int, epoch: int
) -> None:
    examples = Numbers(first + second)
    examples.corpora = [0] * first + [1] * second
    seen: Counter[int] = Counter()
    for rank in range(world):
        batches = Batches(examples, size, seed=1, epoch=epoch, rank=rank, world=world)
        assert all(len(set(batch)) == len(batch) <= size for batch in batches.batches)
        for batch in (batches[number] for number in range(len(batches))):
            assert batch["corpora"].tolist() == [int(index >= first) for index in batch["indices"].tolist()]
            if batch["share"] > 0:
                seen.update(batch["corpora"].tolist())
    assert abs(seen[0] - seen[1]) <= 1 and abs(seen.total() - first - second) <= 1
    evaluation = Batches(examples, size, seed=1, epoch=None).batches
    assert sorted(index for batch in evaluation for index in batch) == list(range(first + second))


def test_an_epoch_is_a_function_of_its_seed() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        return Batches(Numbers(50), 4, seed=seed, epoch=epoch).batches

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2) and order(0, 1) != order(1, 1)


def test_every_epoch_sees_every_utterance_of_every_dialogue(tmp_path: Path) -> None:
    keys = [("train", str(number), str(turn)) for number in range(41) for turn in range(1 + number * 7 % 13)]
    stores = {"a": {key: FeatureRow(key, np.ones((1, 3), np.float16)) for key in keys}}
    network = build_fusion(
        FusionConfig(name="ctnet", d_model=4, fused_size=4, num_heads=1, epochs=5, batch_size=20), {"a": 3}, 2
    )
    examples = FusionExamples(stores, {"a": 3}, keys, [number % 2 for number in range(len(keys))], by_dialogue=True)
    counts = {len(Batches(examples, 20, seed=0, epoch=epoch)) for epoch in range(5)}
    assert len(counts) > 1  # dialogues fill another number of batches in each epoch
    seen: list[int] = []

    def forward(batch: dict[str, torch.Tensor]) -> Any:
        seen.extend([len(batch["a/mask"])] if network.training else [])
        return network(*unpack_batch(batch))

    config = network.config.model_copy(update={"modality_dropout": 0.0, "patience": 5})
    task = Task("ctnet", network, forward, config, examples, examples, 2, 0)
    fit(task, TrainerConfig(accelerator="cpu"), tmp_path / "c", lambda entry: None)
    assert sum(seen) == 5 * len(keys)


def test_dialogues_stay_together_in_their_order() -> None:
    keys = [("t", str(dialogue), str(turn)) for dialogue in range(7) for turn in range(dialogue % 4 + 1)]
    stores = {"a": {key: FeatureRow(key, np.ones((len(key[1]) + int(key[2]), 3), np.float16)) for key in keys}}
    speakers = {key: "ABA"[int(key[2]) % 3] for key in keys}
    examples = FusionExamples(stores, {"a": 3}, keys, [0] * len(keys), by_dialogue=True, speakers=speakers)
    assert [len(unit) for unit in examples.units] == [1, 2, 3, 4, 1, 2, 3]
    for world in (1, 2):
        seen = []
        for rank in range(world):
            batches = Batches(examples, 4, seed=0, epoch=1, rank=rank, world=world)
            for batch in (batches[number] for number in range(len(batches))):
                if batch["share"] == 0:
                    continue
                indices = batch["indices"].tolist()
                assert len(indices) <= 4
                for dialogue in unpack_batch(get_inputs(batch))[2].tolist():
                    those = [keys[indices[row]] for row, _ in dialogue if row >= 0]
                    assert those == [key for key in keys if key[1] == those[0][1]]
                    assert [number for row, number in dialogue if row >= 0] == [0, 1, 0, 0][: len(those)]
                seen += indices
        assert sorted(seen) == list(range(len(keys)))


def test_utterances_without_a_label_are_read_and_not_scored(tmp_path: Path) -> None:
    """With a network that predicts one label for every utterance."""
    keys = [("train", "0", str(turn)) for turn in range(4)] + [("train", "1", "0")]
    stores = {"a": {key: FeatureRow(key, np.ones((1, 3), np.float16)) for key in keys}}
    examples = FusionExamples(stores, {"a": 3}, keys, [CONTEXT, 1, CONTEXT, CONTEXT, 0], by_dialogue=True)
    parts = [Batches(examples, 8, seed=0, epoch=0, rank=rank, world=2)[0] for rank in range(2)]
    assert sorted(len(part["labels"]) for part in parts) == [1, 4]
    assert [part["share"].item() for part in parts] == [1.0, 1.0]  # one scored utterance each
    network = build_fusion(FusionConfig(name="ctnet", d_model=4, fused_size=4, num_heads=1, epochs=1), {"a": 3}, 2)
    with torch.no_grad():
        network.classifier.weight.zero_()
        network.classifier.bias.copy_(torch.tensor([0.0, 5.0]))
    config = network.config.model_copy(
        update={"modality_dropout": 0.0, "learning_rate": 1e-12, "label_smoothing": 0.0, "weight_decay": 0.0}
    )
    task = Task("ctnet", network, lambda batch: network(*unpack_batch(batch)), config, examples, examples, 2, 0)
    (entry,) = fit(task, TrainerConfig(accelerator="cpu"), tmp_path / "c", lambda entry: None)
    assert entry["dev_accuracy"] == 0.5  # of two
    assert entry["loss_emotion"] == pytest.approx((0.0067153 + 5.0067153) / 2, abs=1e-4)


def test_an_encoder_of_dialogues_gets_a_dialogue_as_one_unit_and_long_ones_count_more() -> None:
    config = check_encoder_config("text", {"encoder": "dialogue", "backbone": "scratch", "max_tokens": 64})
    encoder = ENCODERS["dialogue"](config, 3)
    lengths = {"a": [5, 5, 5], "b": [25, 25, 25, 25], "c": [5, 5], "d": [20, 20]}
    rows = {
        key: FeatureRow(key, np.zeros((length, 2), np.int32))
        for dialogue, each in lengths.items()
        for number, length in enumerate(each)
        for key in [("train", dialogue, str(number))]
    }
    labels = [0, CONTEXT, 1, 0, 1, 2, 0, CONTEXT, CONTEXT, 1, 2]
    examples = EncoderExamples(encoder, rows, list(rows), labels)
    assert examples.units == [[0, 1, 2], [3, 4], [5, 6], [9, 10]]  # b fits no window; c has no label
    assert examples.lengths == [15, 50, 50, 40]
    assert examples.counts == [3, 4, 4, 3]  # 16 steps of text count as an utterance
    both = examples.collate([5, 6, 3, 4], None)  # the two parts of b stay two sequences
    assert both["tokens"].shape == (2, 64)
    batches = Batches(examples, 5, seed=0, epoch=0)
    seen = sorted(index for number in range(len(batches)) for index in batches[number]["indices"].tolist())
    assert seen == [0, 1, 2, 3, 4, 5, 6, 9, 10]
