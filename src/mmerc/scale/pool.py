"""Actors of Ray, each a process with the networks, and the driver's loop that gives them parts.

Ray Data does the same, but takes 26 instead of 4 ms of a core for each part (docs/figures.md).
"""

import logging
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmerc.errors import MmercError, RunError
from mmerc.hardware import keep_memory
from mmerc.inference.inputs import Part
from mmerc.scale.work import Job, Work, measure_size, process_safely
from mmerc.threads import NUM_THREADS, set_num_threads

MAX_ATTEMPTS = 3  # a part with which this many processes have died is a failure


class Worker:
    """The process of an actor."""

    def __init__(self, job: Job, threads: int) -> None:
        self.job, self.threads = job, threads
        self.work: Work | None = None

    def load(self) -> str | None:
        """Load the networks. Returns why they cannot be used: an exception would be a trace of Ray on every terminal."""
        os.environ[NUM_THREADS] = str(self.threads)  # for libraries that torch does not set
        set_num_threads(self.threads)
        keep_memory()
        logging.getLogger("mmerc").setLevel(logging.ERROR)  # the rows have the reasons
        try:
            self.work = self.job.load()
        except MmercError as error:
            return str(error)
        return None

    def compute(self, part: Part, deaths: int) -> bytes:
        """What is stored of a part, with which so many processes have died."""
        assert self.work is not None
        if deaths >= MAX_ATTEMPTS:
            return self.work.fail(part, f"{MAX_ATTEMPTS} processes died while they read it")
        return process_safely(self.work, part)


@dataclass(eq=False)
class Actor:
    """A worker, as the driver sees it.

    Attributes:
        handle: Ray's.
        failed_starts: how many processes before it have died while they loaded the networks.
        is_ready: whether it has loaded them.
        calls: what it has to do, in this order: the reference of the result, and the index of the part; None is the loading.
    """

    handle: Any
    failed_starts: int = 0
    is_ready: bool = False
    calls: deque[tuple[Any, int | None]] = field(default_factory=deque)


class Pool:
    """Gives parts to actors, the largest first, so that none computes a long one while the others have nothing left.

    An actor has one part, and a second one that waits: it would otherwise be idle until the driver gives it the next one. At
    the end none waits, because another actor may be free before.
    """

    def __init__(self, ray: Any, job: Job, threads: int, parts: Sequence[Part]) -> None:
        """`ray`: the connected module."""
        self.ray, self.parts = ray, parts
        remote_class = ray.remote(num_cpus=threads)(Worker)
        self.start: Callable[[], Any] = lambda: remote_class.remote(job, threads)
        sizes = [measure_size(part) for part in parts]
        self.waiting = deque(sorted(range(len(parts)), key=lambda index: -sizes[index]))
        self.deaths: Counter[int] = Counter()  # of processes, with each part
        self.actors: list[Actor] = []

    def run(self, workers: int) -> Iterator[tuple[int, bytes]]:
        """The index of each part and what was computed of it, in the order in which they are finished.

        Raises:
            RunError: no worker can start.
            ray.exceptions.RayError: Ray has stopped.
        """
        dead = (
            self.ray.exceptions.RayActorError,
            self.ray.exceptions.NodeDiedError,
            self.ray.exceptions.ObjectLostError,  # the result, with its machine
            self.ray.exceptions.OutOfMemoryError,
            self.ray.exceptions.WorkerCrashedError,
        )
        try:
            for _ in range(workers):
                self._start_actor()
            finished = 0
            while finished < len(self.parts):
                # Of each actor only the oldest call, so that a death is found at the part that was being computed.
                oldest = {actor.calls[0][0]: actor for actor in self.actors if actor.calls}
                (call,), _ = self.ray.wait(list(oldest), num_returns=1)
                actor = oldest[call]
                try:
                    result = self.ray.get(call)
                except dead:
                    self._replace(actor)
                    continue
                _, index = actor.calls.popleft()
                if index is None and result is not None:
                    raise RunError(f"a worker cannot start: {result}")
                actor.is_ready = True
                self._give_parts(actor)  # so that it computes while the caller does something with the result
                if index is not None:
                    finished += 1
                    yield index, result
        finally:
            for actor in self.actors:
                self.ray.kill(actor.handle)

    def _start_actor(self, failed_starts: int = 0) -> None:
        actor = Actor(self.start(), failed_starts)
        actor.calls.append((actor.handle.load.remote(), None))
        self.actors.append(actor)

    def _give_parts(self, actor: Actor) -> None:
        while self.waiting and len(actor.calls) < (2 if len(self.waiting) > len(self.actors) else 1):
            index = self.waiting.popleft()
            call = actor.handle.compute.remote(self.parts[index], self.deaths[index])
            actor.calls.append((call, index))

    def _replace(self, actor: Actor) -> None:
        """Start another actor instead of one that has died, and compute its parts again."""
        self.ray.kill(actor.handle)  # it may live, and only its machine be out of reach
        self.actors.remove(actor)
        again = [index for _, index in actor.calls if index is not None]
        self.deaths.update(again[:1])
        self.waiting.extendleft(reversed(again))
        failed_starts = 0 if actor.is_ready else actor.failed_starts + 1
        if failed_starts == MAX_ATTEMPTS:
            reason = (
                f"{MAX_ATTEMPTS} processes died while they loaded the model: use fewer workers if the memory is scarce."
            )
            raise RunError(f"a worker cannot start: {reason}")
        self._start_actor(failed_starts)
        for each in self.actors:
            if each.is_ready:
                self._give_parts(each)
