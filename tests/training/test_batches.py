import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmerc.features import Row
from mmerc.fusion import FusionConfig, build_fusion
from mmerc.training.batches import CONTEXT, Batches, FusionExamples, arranged, inputs_of, unpacked
from mmerc.training.loop import Task, fit
from mmerc.training.run_config import TrainerConfig


class Numbers:
    """Each example is its own number."""

    def __init__(self, count: int) -> None:
        self.keys = [("train", "0", str(number)) for number in range(count)]
        self.labels = [number % 3 for number in range(count)]
        self.lengths = [number % 7 + 1 for number in range(count)]
        self.units = [[number] for number in range(count)]

    def collate(self, places: list[int], rng: random.Random | None) -> dict[str, torch.Tensor]:
        return {"x": torch.tensor(places)}


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 4), st.integers(0, 5))
def test_every_example_is_seen_once_whatever_the_processes(count: int, size: int, world: int, epoch: int) -> None:
    seen: Counter[int] = Counter()
    for rank in range(world):
        batches = Batches(Numbers(count), size, seed=1, epoch=epoch, rank=rank, world=world)
        for batch in (batches[number] for number in range(len(batches))):
            if batch["share"] > 0:
                seen.update(batch["places"].tolist())
    assert seen == Counter(range(count))


@given(st.integers(1, 30), st.integers(1, 8), st.integers(1, 3))
def test_shares_make_the_mean_over_processes_the_mean_over_the_batch(count: int, size: int, world: int) -> None:
    parts = [Batches(Numbers(count), size, seed=0, epoch=0, rank=rank, world=world) for rank in range(world)]
    for number in range(len(parts[0])):
        whole = [float(place) for place in parts[0].whole[number]]
        means = [batch["share"] * batch["places"].float().mean() for batch in (part[number] for part in parts)]
        assert float(torch.stack(means).mean()) == pytest.approx(np.mean(whole), abs=1e-4)


def test_an_epoch_is_a_function_of_its_seed() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        return Batches(Numbers(50), 4, seed=seed, epoch=epoch).whole

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2) and order(0, 1) != order(1, 1)


def test_neighbours_in_length_lie_together() -> None:
    lengths = [random.Random(0).randint(1, 100) for _ in range(256)]
    batches = arranged(lengths, 8, random.Random(0))
    spread = np.mean(
        [max(lengths[place] for place in batch) - min(lengths[place] for place in batch) for batch in batches]
    )
    assert spread < 15


def test_missing_modalities_are_sequences_without_a_step() -> None:
    keys = [("t", "0", "0"), ("t", "0", "1")]
    stores = {
        "a": {keys[0]: Row(keys[0], np.ones((2, 3), np.float16)), keys[1]: Row(keys[1], None, "why")},
        "b": {keys[0]: Row(keys[0], None, "why"), keys[1]: Row(keys[1], np.ones((4, 2), np.float16))},
    }
    examples = FusionExamples(stores, {"a": 3, "b": 2}, keys, [0, 1])
    assert examples.lengths == [2, 4]
    batch = Batches(examples, 2, seed=0, epoch=None)[0]
    sequences, masks, dialogues = unpacked(inputs_of(batch))
    assert dialogues is None
    order = batch["places"].tolist()
    assert {name: tuple(value.shape) for name, value in sequences.items()} == {"a": (2, 2, 3), "b": (2, 4, 2)}
    assert masks["a"].sum(1).tolist() == [2 if place == 0 else 0 for place in order]
    assert masks["b"].sum(1).tolist() == [0 if place == 0 else 4 for place in order]


def test_every_epoch_sees_every_utterance_of_whole_dialogues(tmp_path: Path) -> None:
    keys = [("train", str(number), str(turn)) for number in range(41) for turn in range(1 + number * 7 % 13)]
    stores = {"a": {key: Row(key, np.ones((1, 3), np.float16)) for key in keys}}
    network = build_fusion(
        FusionConfig(name="ctnet", d_model=4, fused_size=4, num_heads=1, epochs=5, batch_size=20), {"a": 3}, 2
    )
    examples = FusionExamples(stores, {"a": 3}, keys, [number % 2 for number in range(len(keys))], whole=True)
    counts = {len(Batches(examples, 20, seed=0, epoch=epoch)) for epoch in range(5)}
    assert len(counts) > 1  # whole dialogues fill another number of batches in each epoch
    seen: list[int] = []

    def forward(batch: dict[str, torch.Tensor]) -> Any:
        seen.extend([len(batch["a/mask"])] if network.training else [])
        return network(*unpacked(batch))

    config = network.config.model_copy(update={"modality_dropout": 0.0, "patience": 5})
    task = Task("ctnet", network, forward, config, examples, examples, 2, 0)
    fit(task, TrainerConfig(accelerator="cpu"), tmp_path / "c", lambda entry: None)
    assert sum(seen) == 5 * len(keys)


def test_whole_dialogues_stay_together_in_their_order() -> None:
    keys = [("t", str(dialogue), str(turn)) for dialogue in range(7) for turn in range(dialogue % 4 + 1)]
    stores = {
        "a": {
            key: Row(
                key, np.ones((len(key[1]) + int(key[2]), 3), np.float16), None, {"speaker": "ABA"[int(key[2]) % 3]}
            )
            for key in keys
        }
    }
    examples = FusionExamples(stores, {"a": 3}, keys, [0] * len(keys), whole=True)
    assert [len(unit) for unit in examples.units] == [1, 2, 3, 4, 1, 2, 3]
    for world in (1, 2):
        seen = []
        for rank in range(world):
            batches = Batches(examples, 4, seed=0, epoch=1, rank=rank, world=world)
            for batch in (batches[number] for number in range(len(batches))):
                if batch["share"] == 0:
                    continue
                places = batch["places"].tolist()
                assert len(places) <= 4
                for dialogue in unpacked(inputs_of(batch))[2].tolist():
                    those = [keys[places[row]] for row, _ in dialogue if row >= 0]
                    assert those == [key for key in keys if key[1] == those[0][1]]
                    assert [number for row, number in dialogue if row >= 0] == [0, 1, 0, 0][: len(those)]
                seen += places
        assert sorted(seen) == list(range(len(keys)))


def test_what_is_only_read_counts_for_nothing(tmp_path: Path) -> None:
    """A network that answers one label for all; utterances without a label are there to be read."""
    keys = [("train", "0", str(turn)) for turn in range(4)] + [("train", "1", "0")]
    stores = {"a": {key: Row(key, np.ones((1, 3), np.float16)) for key in keys}}
    examples = FusionExamples(stores, {"a": 3}, keys, [CONTEXT, 1, CONTEXT, CONTEXT, 0], whole=True)
    parts = [Batches(examples, 8, seed=0, epoch=0, rank=rank, world=2)[0] for rank in range(2)]
    assert sorted(len(part["labels"]) for part in parts) == [1, 4]
    assert [part["share"].item() for part in parts] == [1.0, 1.0]  # one question each
    network = build_fusion(FusionConfig(name="ctnet", d_model=4, fused_size=4, num_heads=1, epochs=1), {"a": 3}, 2)
    with torch.no_grad():
        network.classifier.weight.zero_()
        network.classifier.bias.copy_(torch.tensor([0.0, 5.0]))
    config = network.config.model_copy(
        update={"modality_dropout": 0.0, "learning_rate": 1e-12, "label_smoothing": 0.0, "weight_decay": 0.0}
    )
    task = Task("ctnet", network, lambda batch: network(*unpacked(batch)), config, examples, examples, 2, 0)
    (entry,) = fit(task, TrainerConfig(accelerator="cpu"), tmp_path / "c", lambda entry: None)
    assert entry["dev_accuracy"] == 0.5  # of two
    assert entry["loss_emotion"] == pytest.approx((0.0067153 + 5.0067153) / 2, abs=1e-4)
