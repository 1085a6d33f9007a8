"""A function called in several processes, each with networks of its own. A process that dies takes no item with it but the one that it worked on."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from logging import getLogger
from multiprocessing import Pipe
from multiprocessing.connection import wait
from typing import Any, Generic, TypeVar

from mmerc.errors import RunError
from mmerc.inference.worker import ERROR, LOG, READY
from mmerc.threads import NUM_THREADS, count_cpus

Item = TypeVar("Item")
Result = TypeVar("Result")
COMMAND = (sys.executable, "-P", "-m", "mmerc.inference.worker")
MAX_ATTEMPTS = 3  # an item with which this many processes have died is a failure
EXIT_SECONDS = 10.0  # between the end of the connection and that of the process
MAX_AHEAD = 256  # results that may wait for an earlier one


@dataclass(frozen=True)
class Task(Generic[Item]):
    """An item, its index, and how many processes have died with it."""

    index: int
    item: Item
    deaths: int = 0


def map_in_processes(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int, fail: Callable[[Item, str], Result]
) -> Iterator[Result]:
    """The results of the items, in their order. The processes end when the iterator ends, is closed, or an error leaves it.

    `function`: each process unpickles it, and so loads what it needs. `fail`: the result of an item with which `MAX_ATTEMPTS`
    processes have died, and the reason. The processes share the CPUs, unless `OMP_NUM_THREADS` says how many threads each has.

    Raises:
        MmercError: the function cannot be loaded.
        RunError: a process dies while it loads the function.
    """
    tasks = (Task(index, item) for index, item in enumerate(items))
    again: deque[Task[Item]] = deque()
    results: dict[int, Result] = {}
    idle: list[Worker] = []
    busy: dict[Any, tuple[Worker, Task[Item]]] = {}  # by the connection
    index = 0  # of the result that the caller gets next
    try:
        while True:
            # First of all, so that the processes work while the caller does something with a result.
            while len(busy) < workers and (again or len(results) < MAX_AHEAD):
                task = again.popleft() if again else next(tasks, None)
                if task is None:
                    break
                worker = idle.pop() if idle else Worker(max(1, count_cpus() // workers))
                busy[worker.connection] = worker, task
                worker.begin(function, task.item)
            if index in results:
                yield results.pop(index)
                index += 1
                continue
            if not busy:
                return
            for connection in wait(list(busy)):
                worker, task = busy[connection]
                try:
                    answer = worker.receive()
                except (EOFError, OSError):
                    del busy[connection]
                    reason = worker.explain_death()
                    if task.deaths + 1 < MAX_ATTEMPTS:
                        again.append(replace(task, deaths=task.deaths + 1))
                    else:
                        results[task.index] = fail(task.item, reason)
                else:
                    if answer:
                        del busy[connection]
                        idle.append(worker)
                        results[task.index] = answer[0]
    finally:
        for worker in [*idle, *(worker for worker, _ in busy.values())]:
            worker.end()


class Worker:
    """A process that calls a function (see `worker`). It is a new Python, so a program needs no `if __name__ == "__main__"`."""

    def __init__(self, threads: int) -> None:
        self.is_ready, self._has_function = False, False  # whether it has loaded the function, and was sent it
        self.connection, other = Pipe()
        with other:
            self.process = subprocess.Popen(
                [*COMMAND, str(other.fileno())],
                pass_fds=[other.fileno()],
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                    NUM_THREADS: os.environ.get(NUM_THREADS) or str(threads),
                },
                stdin=subprocess.PIPE,  # nothing is written to it: it closes when this process ends, however it ends
                start_new_session=True,  # Ctrl-C is for this process, which then ends it
            )

    def begin(self, function: Callable[[Any], Any], item: Any) -> None:
        """Let it work on an item. The function is the same each time."""
        with suppress(BrokenPipeError):  # it has died, as `receive` will say
            if not self._has_function:
                self.connection.send(function)
                self._has_function = True
            self.connection.send(item)

    def receive(self) -> tuple[Any, ...]:
        """The result, or nothing if something else has come.

        Raises:
            MmercError: the function cannot be loaded.
            EOFError, OSError: the process has died.
        """
        kind, value = self.connection.recv()
        if kind == ERROR:
            raise value
        if kind == LOG:
            getLogger(value.name).handle(value)
        elif kind == READY:
            self.is_ready = True
        else:
            return (value,)
        return ()

    def explain_death(self) -> str:
        """Why it could not finish an item. Raises RunError: it died before it could begin one."""
        try:
            status = self.process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:  # it has closed the connection and lives on
            status = 0
        self.end()
        how = f" ({signal.Signals(-status).name})" if status < 0 else ""
        if not self.is_ready:
            raise RunError(f"a process died while it loaded the model{how}: use fewer workers if the memory is scarce.")
        return f"{MAX_ATTEMPTS} processes died while they read it{how}"

    def end(self) -> None:
        """End the process now."""
        self.connection.close()
        self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        self.process.stdin.close()
