"""Teachers answer only for what they were not trained on, and leave the network as they found it."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmerc.corpora import Dialogue, Utterance
from mmerc.encoders.signal import Signal, SignalConfig
from mmerc.features import Row
from mmerc.training.batches import EncoderExamples
from mmerc.training.settings import TrainerConfig
from mmerc.training.stage import Task
from mmerc.training.teaching import cross_fitted, halves

MACHINE = TrainerConfig(accelerator="cpu")


def examples(encoder: Signal, dialogues: int, wrong: set[int] = frozenset()) -> EncoderExamples:  # type: ignore[assignment]
    """Two utterances a dialogue whose one column is its label; in the `wrong` dialogues the labels are turned round."""
    keys = [("train", str(d), str(u)) for d in range(dialogues) for u in range(2)]
    rows = {key: Row(key, np.full((1, 1), 4.0 * (int(key[2]) - 0.5), np.float32)) for key in keys}
    labels = [int(key[2]) if int(key[1]) not in wrong else 1 - int(key[2]) for key in keys]
    return EncoderExamples(encoder, rows, keys, labels)


def task(wrong: set[int] = frozenset()) -> Task:  # type: ignore[assignment]
    torch.manual_seed(0)
    settings = SignalConfig(
        encoder="signal", signal="s", inputs=1, hidden=8, dropout=0.0, epochs=12, batch_size=4, learning_rate=0.02,
        patience=12,
    )  # fmt: skip
    encoder = Signal(settings, 2)
    turns = tuple(Utterance("t", 0, n, signals={"s": np.array([v])}) for n, v in enumerate((-2.0, 2.0)))
    encoder.adapt([Dialogue("t", 0, turns)])
    return Task("s", encoder, encoder, settings, examples(encoder, 12, wrong), examples(encoder, 3), 2, 0)


def test_halves_part_dialogues_and_lose_nothing() -> None:
    first, second = halves(task().train)  # type: ignore[arg-type]
    assert first == [0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21]
    assert sorted(first + second) == list(range(24))


def test_a_wrong_label_is_answered_by_who_has_not_seen_it(tmp_path: Path) -> None:
    made, notes = task(wrong={5}), list[dict[str, Any]]()
    before = {name: value.clone() for name, value in made.network.state_dict().items()}
    answers = cross_fitted(made, MACHINE, tmp_path / "s.checkpoint", notes.append)
    assert torch.allclose(answers.sum(1), torch.ones(24))
    assert answers.argmax(1).tolist() == [0, 1] * 12  # also for dialogue 5, whose labels say the contrary
    after = made.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert {note["stage"] for note in notes} == {"s, teacher 1", "s, teacher 2"}


def test_a_second_call_goes_on_from_the_checkpoints(tmp_path: Path) -> None:
    first = cross_fitted(task(), MACHINE, tmp_path / "s.checkpoint", lambda note: None)
    notes: list[dict[str, Any]] = []
    again = cross_fitted(task(), MACHINE, tmp_path / "s.checkpoint", notes.append)
    assert torch.equal(first, again) and not notes
