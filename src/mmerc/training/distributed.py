"""One process or several: who this one is, when all have arrived, and how several are started on one machine."""

import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from mmerc.errors import MmercError, RunError
from mmerc.hardware import get_rank as get_rank

Item = TypeVar("Item")


def world() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def nodes() -> int:
    return max(1, world() // int(os.environ.get("LOCAL_WORLD_SIZE", world())))


def join() -> None:
    """Meet the other processes that torchrun (or `launch`) has started; nothing where there are none."""
    if world() > 1 and not dist.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, timeout=timedelta(days=1))  # one may wait long for another's share of clips


def barrier() -> None:
    """Wait until every process has come here."""
    if dist.is_initialized():
        dist.barrier()


def anyone(mine: bool) -> bool:
    """Whether it is so for any process. All ask at the same place, so what follows is decided alike by all."""
    return any(gathered([mine]))


def device(accelerator: str) -> torch.device:
    """Where this process computes."""
    if accelerator == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def gathered(mine: list[Item]) -> list[Item]:
    """The items of all processes, in the order of their ranks."""
    if not dist.is_initialized():
        return mine
    parts: list[list[Item]] = [[] for _ in range(dist.get_world_size())]
    dist.all_gather_object(parts, mine)
    return [item for part in parts for item in part]


def _spoken(work: Callable[..., None], *arguments: Any) -> str | None:
    try:
        work(*arguments)
    except MmercError as error:
        return str(error)
    return None


def launch(processes: int, work: Callable[..., None], arguments: Sequence[Any]) -> None:
    """Run `work(*arguments)` in so many processes of this machine, as torchrun would.

    Raises:
        RunError: one of them failed; a sentence of ours is passed on as it is.
    """
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=processes, run_id="mmerc", rdzv_backend="c10d",
        rdzv_endpoint="localhost:0", start_method="spawn", max_restarts=0,
    )  # fmt: skip
    try:
        sentences = elastic_launch(config, _spoken)(work, *arguments)
    except Exception as error:  # torch wraps whatever a process raised
        lines = [line.strip() for line in str(error).splitlines() if line.strip(" =-")]
        last = lines[-1] if lines else type(error).__name__
        raise RunError(
            f"one of the {processes} processes failed ({last}): run with trainer.devices=1 to see why."
        ) from error
    for sentence in sentences.values():
        if sentence is not None:
            raise RunError(sentence)
