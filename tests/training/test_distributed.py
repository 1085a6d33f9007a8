"""Two gloo processes on this machine, started as torchrun starts them."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from mmerc.errors import RunError
from mmerc.hardware import get_rank, is_main_process
from mmerc.training import distributed
from tests.training.failures import complain, fail
from tests.training.test_loop import MACHINE, task


def train_points(out: str) -> None:
    from mmerc.training.loop import fit

    distributed.join()
    made = task(epochs=3, optimizer="sgd")
    for layer in made.network:  # type: ignore[union-attr, attr-defined]
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0  # what each process draws is its own
    history = fit(made, MACHINE, Path(out) / "checkpoint", lambda note: None)
    if is_main_process():
        state = {name: value.tolist() for name, value in made.network.state_dict().items()}
        (Path(out) / "result.json").write_text(json.dumps([history, state]))


def test_two_processes_give_the_numbers_of_one(tmp_path: Path) -> None:
    results = []
    for processes in (1, 2):
        out = tmp_path / str(processes)
        out.mkdir()
        if processes == 1:
            train_points(str(out))
        else:
            distributed.launch(2, train_points, (str(out),))
        results.append(json.loads((out / "result.json").read_text()))
    (one_history, one_state), (two_history, two_state) = results
    for one, two in zip(one_history, two_history, strict=True):
        assert two["dev_f1_weighted"] == pytest.approx(one["dev_f1_weighted"])
        assert two["dev_accuracy"] == pytest.approx(one["dev_accuracy"])
    for name, value in one_state.items():
        assert torch.allclose(torch.tensor(two_state[name]), torch.tensor(value), atol=1e-5)


@pytest.mark.weights
def test_the_whole_job_in_two_processes(small_corpus: Path, tmp_path: Path) -> None:
    from mmerc import evaluate, load_config, open_corpus, train

    overrides = [
        "trainer.devices=2",
        "trainer.num_threads=1",
        "trainer.accelerator=cpu",
        "text.epochs=1",
        "fusion.epochs=1",
    ]
    train(
        open_corpus(f"meld:{small_corpus}"),
        tmp_path / "run",
        load_config("smoke", None, overrides, modalities=["text", "face"]),
    )
    result = evaluate(tmp_path / "run", "test")
    assert result["utterances"] == 8 and set(result["systems"]) == {"majority", "text", "face", "fused"}


def test_a_failing_process_is_named() -> None:
    with pytest.raises(RunError, match="one of the 2 processes failed .*run with trainer.devices=1"):
        distributed.launch(2, fail, ("no",))


def test_a_sentence_of_ours_is_passed_on() -> None:
    with pytest.raises(RunError, match=r"^bad$"):
        distributed.launch(2, complain, ("bad",))


def test_alone_it_is_the_first_of_one() -> None:
    assert (get_rank(), distributed.get_world_size(), distributed.count_nodes(), is_main_process()) == (0, 1, 1, True)
    assert distributed.gather([1, 2]) == [1, 2]
    distributed.barrier()
