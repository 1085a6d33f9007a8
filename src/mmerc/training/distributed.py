"""Distributed runs: how many processes there are, how they synchronise, and how they are started on one machine."""

import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from mmerc.errors import MmercError, RunError

Item = TypeVar("Item")
TIMEOUT = timedelta(days=1)  # a process may wait long for another one's share of clips


def get_world_size() -> int:
    """The number of processes of the run."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def count_nodes() -> int:
    """The number of machines of the run."""
    return max(1, get_world_size() // int(os.environ.get("LOCAL_WORLD_SIZE", get_world_size())))


def join() -> None:
    """Connect to the other processes that torchrun or `launch` has started; does nothing for a single process."""
    if get_world_size() > 1 and not dist.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, timeout=TIMEOUT)


def barrier() -> None:
    """Wait until every process has called this."""
    if dist.is_initialized():
        dist.barrier()


def reduce_any(value: bool) -> bool:
    """Whether `value` is true in any process. Every process must call it, and all of them get the same result."""
    return any(gather([value]))


def gather(items: list[Item]) -> list[Item]:
    """The items of all processes, in the order of their ranks."""
    if not dist.is_initialized():
        return items
    parts: list[list[Item]] = [[] for _ in range(dist.get_world_size())]
    dist.all_gather_object(parts, items)
    return [item for part in parts for item in part]


def select_device(accelerator: str) -> torch.device:
    """The device of this process for the setting `trainer.accelerator`."""
    if accelerator == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def launch(processes: int, work: Callable[..., None], arguments: Sequence[Any]) -> None:
    """Run `work(*arguments)` in several processes of this machine, as torchrun does.

    Raises:
        RunError: a process failed; the message of an `MmercError` is passed on unchanged.
    """
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=processes, run_id="mmerc", rdzv_backend="c10d",
        rdzv_endpoint="localhost:0", start_method="spawn", max_restarts=0,
    )  # fmt: skip
    try:
        messages = elastic_launch(config, _return_message)(work, *arguments)
    except Exception as error:  # torch wraps whatever a process raised
        lines = [line.strip() for line in str(error).splitlines() if line.strip(" =-")]
        last = lines[-1] if lines else type(error).__name__
        raise RunError(
            f"one of the {processes} processes failed ({last}): run with trainer.devices=1 to see why."
        ) from error
    for message in messages.values():
        if message is not None:
            raise RunError(message)


def _return_message(work: Callable[..., None], *arguments: Any) -> str | None:
    """Run `work` and return the message of an error that the user can fix."""
    try:
        work(*arguments)
    except MmercError as error:
        return str(error)
    return None
