"""How many CPU threads a process computes with, and how they wait for each other.

`import mmerc` calls `avoid_spinning`, because OpenMP reads its variables only once, when torch is loaded. This module does
not import torch before it is needed.
"""

import math
import os
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from pathlib import Path
from threading import Lock, Thread
from typing import TypeVar

Result = TypeVar("Result")
WAIT_POLICY, NUM_THREADS = "OMP_WAIT_POLICY", "OMP_NUM_THREADS"
OTHER_WAIT_VARIABLES = ("GOMP_SPINCOUNT", "KMP_BLOCKTIME")  # those of GNU's and of Intel's and LLVM's OpenMP
CGROUPS, OWN_CGROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def avoid_spinning() -> None:
    """Let the threads of OpenMP sleep while they wait, unless the user has set how they wait.

    The threads wait for each other after every operation of a network. By default a waiting thread keeps its core busy for
    several milliseconds. On a busy machine the thread that it waits for may need that core, so that both wait for the
    scheduler. It has no effect after torch was imported.
    """
    if not any(name in os.environ for name in OTHER_WAIT_VARIABLES):
        os.environ.setdefault(WAIT_POLICY, "PASSIVE")


_chosen: int | None = None  # by `set_num_threads`


def set_num_threads(count: int | None = None) -> None:
    """Compute with `count` CPU threads in the whole process, and decode video with no more.

    By default it is the number that `OMP_NUM_THREADS` says, else torch's choice, which is one per core; but no more than the
    CPU quota of the container allows.
    """
    global _chosen
    import torch

    if count is None and not os.environ.get(NUM_THREADS):
        quota = read_cpu_quota()
        count = None if quota is None else min(torch.get_num_threads(), max(1, math.ceil(quota)))
    if count is not None:
        _chosen = count
        torch.set_num_threads(count)


def get_num_threads() -> int | None:
    """The CPU threads that `set_num_threads` or `OMP_NUM_THREADS` allows, for libraries other than torch; None: one per CPU or so."""
    given = os.environ.get(NUM_THREADS, "")
    return _chosen or int(given if given.isdigit() else 0) or None


# Key: the threads of the pool, and the CPU threads that each of them computes with.
_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}
_starting = Lock()


def compute_together(*functions: Callable[[], Result], threads: int | None = None) -> list[Result]:
    """The results of independent computations, which run at the same time, each with its share of the CPU threads.

    It is for networks of many small operations: threads that share a small operation mostly wait for each other. Two functions have
    half of the threads each, more functions have one thread each. They run in the caller's inference or gradient mode; autocast and
    context variables of the caller are not theirs.

    `threads`: by default those of the caller. With 1 the functions run one after the other, in the caller's thread.
    """
    import torch

    threads = threads or torch.get_num_threads()
    if len(functions) < 2 or threads < 2:
        return [function() for function in functions]
    share = max(1, threads // 2) if len(functions) == 2 else 1
    is_inference, has_gradients = torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    def run(function: Callable[[], Result]) -> Result:
        with torch.inference_mode(is_inference), torch.set_grad_enabled(has_gradients):
            return function()

    key = (threads // share, share)
    pool = _pools.get(key) or _pools.setdefault(key, ThreadPoolExecutor(key[0], "mmerc", _start_thread, (share,)))
    try:
        futures = [pool.submit(run, function) for function in functions]
    except RuntimeError:  # the program is about to end, or no thread can start
        return compute_together(*functions, threads=1)
    try:
        return [future.result() for future in futures]
    except BrokenExecutor:  # the pool has a thread that could not start; it raises the RuntimeError above from now on
        return compute_together(*functions, threads=1)
    finally:
        for future in futures:  # after an error
            future.cancel()


def _start_thread(count: int) -> None:
    """Let this thread, and no other one, compute with `count` CPU threads."""
    import torch

    with _starting:
        # A thread takes over the number of the process at the first question, so the question comes before the thread has its own.
        of_process = torch.get_num_threads()
        torch.set_num_threads(count)  # of this thread, and of the process as well
        restoring = Thread(target=torch.set_num_threads, args=(of_process,))
        restoring.start()
        restoring.join()


def _forget_pools() -> None:
    global _starting
    _starting = Lock()
    _pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pools)  # a forked process has the pools, but not their threads


def count_cpus() -> int:
    """The CPUs that this process may use: those that it may run on, or fewer if the container has a quota."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = read_cpu_quota()
    return available if quota is None else min(available, max(1, math.ceil(quota)))


def read_cpu_quota(cgroups: Path = CGROUPS, own: Path = OWN_CGROUP) -> float | None:
    """The CPUs that this process may use at a time, as its control group (cgroup v2) and those above say; None without a limit."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None  # not Linux
    path = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
    if path is None:
        return None
    quotas = [_read_quota(folder / "cpu.max") for folder in (cgroups / path, *(cgroups / path).parents)]
    return min((quota for quota in quotas if quota is not None), default=None)


def _read_quota(file: Path) -> float | None:
    """The share in a file such as `150000 100000`: microseconds in each period of so many microseconds; `max` is no limit."""
    try:
        quota, period = file.read_text(encoding="utf-8").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
