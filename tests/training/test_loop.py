import math
import random
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from mmerc.config import TrainingConfig
from mmerc.errors import RunError
from mmerc.training.loop import fit
from mmerc.training.run_config import TrainerConfig
from mmerc.training.targets import Targets, compute_concordance
from mmerc.training.task import Task

MACHINE = TrainerConfig(accelerator="cpu")


class Points:
    """Points of two overlapping classes."""

    def __init__(self, count: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.labels = [number % 2 for number in range(count)]
        self.corpora = [0] * count
        self.x = torch.randn(count, 4, generator=generator) + 0.7 * torch.tensor(self.labels)[:, None]
        self.keys = [("train", "0", str(number)) for number in range(count)]
        self.lengths = [1] * count
        self.units = [[number] for number in range(count)]
        self.counts = [1] * count

    def collate(self, indices: list[int], rng: random.Random | None) -> dict[str, torch.Tensor]:
        return {"x": self.x[indices]}


def task(epochs: int = 4, **settings: Any) -> Task:
    torch.manual_seed(3)
    network = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 2))
    config = TrainingConfig(epochs=epochs, batch_size=8, learning_rate=0.02, **settings)
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
    made, events = task(8), []
    history = fit(made, MACHINE, tmp_path / "c", events.append)
    assert [entry["epoch"] for entry in history] == list(range(1, 9))
    best = max(entry["dev_f1_weighted"] for entry in history)
    assert best > 0.7
    predicted = made.network(made.dev.x).argmax(1)  # type: ignore[attr-defined]
    accuracy = float((predicted == torch.tensor(made.dev.labels)).float().mean())
    assert accuracy == pytest.approx(
        next(entry["dev_accuracy"] for entry in history if entry["dev_f1_weighted"] == best)
    )
    assert [event["stage"] for event in events] == ["points"] * 8


@pytest.mark.parametrize(
    "settings", [{"optimizer": "adamw"}, {"optimizer": "sgd"}, {"ema_decay": 0.9}, {"rdrop_weight": 1.0}], ids=str
)
def test_killed_after_any_epoch_it_resumes_to_the_same_numbers(tmp_path: Path, settings: dict[str, Any]) -> None:
    uninterrupted = task(**settings)
    expected = fit(uninterrupted, MACHINE, tmp_path / "uninterrupted", lambda event: None)

    class Cut(Exception):
        pass

    for stop in (1, 2, 3):
        checkpoint = tmp_path / f"cut{stop}"

        def cut(event: dict[str, Any], stop: int = stop) -> None:
            if event["epoch"] == stop + 1:
                raise Cut

        with pytest.raises(Cut):
            fit(task(**settings), MACHINE, checkpoint, cut)
        resumed = task(**settings)
        history = fit(resumed, MACHINE, checkpoint, lambda event: None)
        assert [{**entry, "seconds": 0} for entry in history] == [{**entry, "seconds": 0} for entry in expected]
        assert weights(resumed) == weights(uninterrupted)


def test_with_r_drop_two_readings_of_a_batch_should_agree(tmp_path: Path) -> None:
    def last(folder: str, dropout: float, weight: float) -> dict[str, Any]:
        made = task(8, rdrop_weight=weight)
        made.network[1].p = dropout
        return fit(made, MACHINE, tmp_path / folder, lambda event: None)[-1]

    weak, strong = last("weak", 0.3, 0.01), last("strong", 0.3, 10.0)
    assert 0 < strong["loss_disagreement"] / 10.0 < weak["loss_disagreement"] / 0.01
    plain, same = last("plain", 0.0, 0.0), last("same", 0.0, 1.0)  # without dropout the readings are the same
    assert same["loss_disagreement"] == 0 and same["loss"] == pytest.approx(plain["loss"], rel=1e-5)


def test_a_continuous_dimension_is_learned_beside_the_label(tmp_path: Path) -> None:
    made = task(12)
    made.network = nn.Linear(4, 3)
    made.forward = lambda batch: SimpleNamespace(logits=made.network(batch["x"]))
    made.train_targets, made.dev_targets = (
        Targets(None, examples.x[:, :1] - examples.x[:, 1:2], ("valence",))  # type: ignore[attr-defined]
        for examples in (made.train, made.dev)
    )
    history = fit(made, MACHINE, tmp_path / "c", lambda event: None)
    assert {"loss_emotion", "loss_dimensions", "dev_ccc_valence", "dev_ccc"} <= history[-1].keys()
    with torch.no_grad():
        predicted = made.network(made.dev.x)[:, 2]  # type: ignore[attr-defined]
    concordance = float(compute_concordance(predicted, made.dev_targets.dimensions[:, 0]))
    best = max(history, key=lambda entry: entry["dev_f1_weighted"] + entry["dev_ccc"])
    assert concordance == pytest.approx(best["dev_ccc"], abs=1e-5) and concordance > 0.9


def test_a_finished_checkpoint_is_not_trained_again(tmp_path: Path) -> None:
    first = task()
    fit(first, MACHINE, tmp_path / "c", lambda event: None)
    second, events = task(), []
    fit(second, MACHINE, tmp_path / "c", events.append)
    assert events == [] and weights(second) == weights(first)


def test_the_averaged_weights_are_evaluated_on_dev_and_kept(tmp_path: Path) -> None:
    plain, averaged = task(2), task(2, ema_decay=0.99)
    fit(plain, MACHINE, tmp_path / "a", lambda event: None)
    history = fit(averaged, MACHINE, tmp_path / "b", lambda event: None)
    assert weights(plain) != weights(averaged)
    predicted = averaged.network(averaged.dev.x).argmax(1)  # type: ignore[attr-defined]
    accuracy = float((predicted == torch.tensor(averaged.dev.labels)).float().mean())
    assert accuracy == pytest.approx(max(history, key=lambda entry: entry["dev_f1_weighted"])["dev_accuracy"])


def test_an_empty_split_is_named(tmp_path: Path) -> None:
    empty = replace(task(), dev=Points(0, 0))
    with pytest.raises(RunError, match="not one labelled utterance of the dev split"):
        fit(empty, MACHINE, tmp_path / "c", lambda event: None)


def test_a_loss_that_is_not_finite_stops_the_training(tmp_path: Path) -> None:
    made = task()
    made.train.x[:] = float("nan")  # type: ignore[attr-defined]
    with pytest.raises(RunError, match="the loss is not finite at epoch 1: lower its learning_rate"):
        fit(made, MACHINE, tmp_path / "c", lambda event: None)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"half a file")
    with pytest.raises(RunError, match="c is damaged .*delete it"):
        fit(task(), MACHINE, tmp_path / "c", lambda event: None)


def test_logits_on_dev_that_are_not_finite_stop_the_training(tmp_path: Path) -> None:
    made = task(1)
    made.dev.x[3, 0] = math.inf  # type: ignore[attr-defined]
    with pytest.raises(RunError, match="points: the logits on dev are not finite after epoch 1"):
        fit(made, MACHINE, tmp_path / "c", lambda event: None)


def test_frozen_parameters_are_in_no_checkpoint_and_do_not_change(tmp_path: Path) -> None:
    made, again = task(3), task(3)
    for each in (made, again):
        each.network[0].requires_grad_(False)  # type: ignore[index]
    before = made.network[0].weight.clone()  # type: ignore[index]

    class Killed(Exception):
        pass

    def kill(event: dict[str, Any]) -> None:
        if event["epoch"] == 2:
            raise Killed

    with pytest.raises(Killed):
        fit(made, MACHINE, tmp_path / "c", kill)
    kept = torch.load(tmp_path / "c", weights_only=True)
    assert {*kept["state_dict"], *kept["mmerc"]["best"]} == {"network.3.weight", "network.3.bias", "3.weight", "3.bias"}
    history = fit(again, MACHINE, tmp_path / "c", lambda event: None)
    assert len(history) == 3 and torch.equal(again.network[0].weight, before)  # type: ignore[index]
    undisturbed = task(3)
    undisturbed.network[0].requires_grad_(False)  # type: ignore[index]
    fit(undisturbed, MACHINE, tmp_path / "d", lambda event: None)
    assert weights(again) == weights(undisturbed)


def test_further_losses_are_added_and_metrics_are_averaged(tmp_path: Path) -> None:
    made = task(2)
    network = made.network

    def forward(batch: dict[str, torch.Tensor]) -> Any:
        count = len(batch["x"])
        return SimpleNamespace(
            logits=network(batch["x"]), losses={"constant": torch.tensor(2.0)}, metrics={"right": (count, 2 * count)}
        )

    history = fit(replace(made, forward=forward), MACHINE, tmp_path / "c", lambda event: None)
    assert history[0]["loss_constant"] == 2.0
    assert history[0]["loss"] == pytest.approx(history[0]["loss_emotion"] + 2.0)
    assert history[0]["right"] == history[0]["dev_right"] == 0.5


def test_with_r_drop_a_loss_that_only_one_reading_has_counts_half(tmp_path: Path) -> None:
    made = task(1, rdrop_weight=1.0)
    network, calls = made.network, 0

    def forward(batch: dict[str, torch.Tensor]) -> Any:
        nonlocal calls
        calls += network.training
        losses = {"distillation": torch.tensor(2.0)} if calls % 2 == 0 else {}
        return SimpleNamespace(logits=network(batch["x"]), losses=losses)

    history = fit(replace(made, forward=forward), MACHINE, tmp_path / "c", lambda event: None)
    assert history[0]["loss_distillation"] == 1.0
