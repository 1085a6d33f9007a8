import math
import random
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from mmerc.config import StageConfig
from mmerc.errors import RunError
from mmerc.fusion import FusionConfig, build
from mmerc.training.loop import Stage, Task, class_weights, divergence, finished, fit, log_frequencies, rate
from mmerc.training.run_config import TrainerConfig

MACHINE = TrainerConfig(accelerator="cpu")


class Points:
    """Two clouds of points."""

    def __init__(self, count: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.labels = [number % 2 for number in range(count)]
        self.x = torch.randn(count, 4, generator=generator) + 0.7 * torch.tensor(self.labels)[:, None]
        self.keys = [("train", "0", str(number)) for number in range(count)]
        self.lengths = [1] * count
        self.units = [[number] for number in range(count)]

    def collate(self, places: list[int], rng: random.Random | None) -> dict[str, torch.Tensor]:
        return {"x": self.x[places]}


def task(epochs: int = 4, **settings: Any) -> Task:
    torch.manual_seed(3)
    network = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 2))
    config = StageConfig(epochs=epochs, batch_size=8, learning_rate=0.02, **settings)
    return Task(
        "points",
        network,
        lambda batch: SimpleNamespace(logits=network(batch["x"])),
        config,
        Points(50, 0),
        Points(20, 1),
        2,
        0,
    )


def weights(made: Task) -> list[float]:
    return torch.cat([value.flatten() for value in made.network.state_dict().values()]).tolist()


def test_it_learns_and_keeps_the_best_dev_state(tmp_path: Path) -> None:
    made, notes = task(8), []
    history = fit(made, MACHINE, tmp_path / "c", notes.append)
    assert [entry["epoch"] for entry in history] == list(range(1, 9))
    best = max(entry["dev_f1_weighted"] for entry in history)
    assert best > 0.7
    predicted = made.network(made.dev.x).argmax(1)  # type: ignore[attr-defined]
    accuracy = float((predicted == torch.tensor(made.dev.labels)).float().mean())
    assert accuracy == pytest.approx(
        next(entry["dev_accuracy"] for entry in history if entry["dev_f1_weighted"] == best)
    )
    assert [note["stage"] for note in notes] == ["points"] * 8


@pytest.mark.parametrize("settings", [{"optimizer": "adamw"}, {"optimizer": "sgd"}, {"averaging": 0.9}], ids=str)
def test_cut_off_after_any_epoch_it_ends_with_the_same_numbers(tmp_path: Path, settings: dict[str, Any]) -> None:
    whole = task(**settings)
    expected = fit(whole, MACHINE, tmp_path / "whole", lambda note: None)

    class Cut(Exception):
        pass

    for stop in (1, 2, 3):
        checkpoint = tmp_path / f"cut{stop}"

        def cut(note: dict[str, Any], stop: int = stop) -> None:
            if note["epoch"] == stop + 1:
                raise Cut

        with pytest.raises(Cut):
            fit(task(**settings), MACHINE, checkpoint, cut)
        resumed = task(**settings)
        history = fit(resumed, MACHINE, checkpoint, lambda note: None)
        assert [{**entry, "seconds": 0} for entry in history] == [{**entry, "seconds": 0} for entry in expected]
        assert weights(resumed) == weights(whole)


def test_a_finished_checkpoint_is_not_trained_again(tmp_path: Path) -> None:
    first = task()
    fit(first, MACHINE, tmp_path / "c", lambda note: None)
    second, notes = task(), []
    fit(second, MACHINE, tmp_path / "c", notes.append)
    assert notes == [] and weights(second) == weights(first)


def test_averaged_weights_are_the_ones_that_are_judged_and_kept(tmp_path: Path) -> None:
    plain, averaged = task(2), task(2, averaging=0.99)
    fit(plain, MACHINE, tmp_path / "a", lambda note: None)
    history = fit(averaged, MACHINE, tmp_path / "b", lambda note: None)
    assert weights(plain) != weights(averaged)
    predicted = averaged.network(averaged.dev.x).argmax(1)  # type: ignore[attr-defined]
    accuracy = float((predicted == torch.tensor(averaged.dev.labels)).float().mean())
    assert accuracy == pytest.approx(max(history, key=lambda entry: entry["dev_f1_weighted"])["dev_accuracy"])


def test_patience() -> None:
    def history(*scores: float) -> list[dict[str, float]]:
        return [{"dev_f1_weighted": score} for score in scores]

    config = StageConfig(epochs=10, patience=2)
    assert not finished(history(), config)
    assert not finished(history(0.5, 0.4), config)
    assert finished(history(0.5, 0.4, 0.5), config)
    assert finished(history(*[0.1] * 10), config)


def test_rates_rise_and_fall() -> None:
    config = StageConfig(warmup=0.2, schedule="linear")
    assert [round(rate(step, 10, config), 3) for step in range(10)] == [
        0.5,
        1,
        1,
        0.875,
        0.75,
        0.625,
        0.5,
        0.375,
        0.25,
        0.125,
    ]
    flat = StageConfig(warmup=0.0, schedule="constant")
    assert {rate(step, 10, flat) for step in range(10)} == {1.0}
    down = StageConfig(warmup=0.0, schedule="linear")
    assert [rate(step, 4, down) for step in range(4)] == [1.0, 0.75, 0.5, 0.25]


def test_class_weights_have_mean_one() -> None:
    made = task(class_balance=1.0)
    made.train.labels[:] = [0] * 40 + [1] * 10  # type: ignore[index]
    found = class_weights(made)
    assert found.tolist() == pytest.approx([0.625, 2.5])
    assert class_weights(replace(made, config=StageConfig())).tolist() == [1, 1]


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0.5), (0.5, 1 / 3), (1.0, 0.2)])
def test_logit_adjustment_expects_less_of_a_rare_label(share: float, expected: float) -> None:
    made = task(logit_adjustment=share)
    made.train.labels[:] = [0] * 40 + [1] * 10  # type: ignore[index]
    loss = Stage(made, lambda note: None)._emotion_loss(torch.zeros(1, 2), torch.tensor([1]))
    assert math.exp(-float(loss)) == pytest.approx(expected)  # 0.2^share / (0.2^share + 0.8^share)


def test_divergence_of_two_answers() -> None:
    certain, even = torch.tensor([[math.log(0.8), math.log(0.2)]]), torch.zeros(1, 2)
    assert float(divergence(certain, certain)) == 0
    # (0.8 ln 1.6 + 0.2 ln 0.4 + 0.5 ln 0.625 + 0.5 ln 2.5) / 2
    assert float(divergence(certain, even)) == pytest.approx(0.20794, abs=1e-5)


def test_consistency_is_a_loss_of_its_own(tmp_path: Path) -> None:
    history = fit(task(2, consistency=0.5), MACHINE, tmp_path / "c", lambda note: None)
    assert history[0]["loss"] == pytest.approx(history[0]["loss_emotion"] + history[0]["loss_consistency"])
    assert history[0]["loss_consistency"] > 0


def test_log_frequencies_count_an_unseen_label_once() -> None:
    made = task()
    made.train.labels[:] = [0] * 49  # type: ignore[index]
    assert log_frequencies(made).exp().tolist() == pytest.approx([0.98, 0.02])


def test_a_fusion_is_told_how_much_of_the_training_is_behind(tmp_path: Path) -> None:
    made = task(epochs=2)
    network = build(FusionConfig(name="early_concatenation", width=4, size=4), {"a": 4}, 2)
    behind: list[float] = []

    def forward(batch: dict[str, torch.Tensor]) -> Any:
        behind.extend([network.trained] if network.training else [])
        there = torch.ones(len(batch["x"]), 1, dtype=torch.bool)
        return network({"a": batch["x"][:, None]}, {"a": there})

    fit(replace(made, network=network, forward=forward), MACHINE, tmp_path / "c", lambda entry: None)
    assert behind == pytest.approx([step / 14 for step in range(14)])  # 50 points in batches of 8, twice


def test_nothing_to_train_on_says_which_split(tmp_path: Path) -> None:
    empty = replace(task(), dev=Points(0, 0))
    with pytest.raises(RunError, match="not one labelled utterance of the dev split"):
        fit(empty, MACHINE, tmp_path / "c", lambda note: None)


def test_a_loss_that_is_no_number_stops_with_a_sentence(tmp_path: Path) -> None:
    made = task()
    made.train.x[:] = float("nan")  # type: ignore[attr-defined]
    with pytest.raises(RunError, match="the loss is not a number at epoch 1: lower its learning_rate"):
        fit(made, MACHINE, tmp_path / "c", lambda note: None)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"half a file")
    with pytest.raises(RunError, match="c is damaged .*delete it"):
        fit(task(), MACHINE, tmp_path / "c", lambda note: None)


def test_answers_on_dev_that_are_no_numbers_end_the_stage(tmp_path: Path) -> None:
    made = task(1)
    made.dev.x[3, 0] = math.inf  # type: ignore[attr-defined]
    with pytest.raises(RunError, match="points: its answers on dev are no numbers after epoch 1"):
        fit(made, MACHINE, tmp_path / "c", lambda entry: None)


def test_what_does_not_learn_is_in_no_checkpoint_and_stays_as_it_was(tmp_path: Path) -> None:
    made, again = task(3), task(3)
    for each in (made, again):
        each.network[0].requires_grad_(False)  # type: ignore[index]
    before = made.network[0].weight.clone()  # type: ignore[index]

    class Killed(Exception):
        pass

    def kill(entry: dict[str, Any]) -> None:
        if entry["epoch"] == 2:
            raise Killed

    with pytest.raises(Killed):
        fit(made, MACHINE, tmp_path / "c", kill)
    kept = torch.load(tmp_path / "c", weights_only=True)
    assert {*kept["state_dict"], *kept["mmerc"]["best"]} == {"network.3.weight", "network.3.bias", "3.weight", "3.bias"}
    history = fit(again, MACHINE, tmp_path / "c", lambda entry: None)
    assert len(history) == 3 and torch.equal(again.network[0].weight, before)  # type: ignore[index]
    undisturbed = task(3)
    undisturbed.network[0].requires_grad_(False)  # type: ignore[index]
    fit(undisturbed, MACHINE, tmp_path / "d", lambda entry: None)
    assert weights(again) == weights(undisturbed)
