"""The order of work with a Ray that computes in this process, one call at a time; `test_cluster.py` has the real one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmerc.errors import RunError
from mmerc.inference.inputs import Part, Recording
from mmerc.scale.pool import MAX_ATTEMPTS, Pool, Worker
from mmerc.scale.work import Work, name
from tests.scale.jobs import Echo, EchoJob

LOST = ("RayActorError", "NodeDiedError", "ObjectLostError", "OutOfMemoryError", "WorkerCrashedError")


class Death(BaseException):
    """The process ends."""


class Deadly(Echo):
    def process(self, part: Part) -> bytes:
        if name(part) == "deadly":
            raise Death
        return name(part).encode()


@dataclass(frozen=True)
class DeadlyJob:
    has_memory: bool = True

    def load(self) -> Work:
        if not self.has_memory:
            raise Death
        return Deadly()


class RayActor:
    """What Ray gives for an actor: `actor.method.remote(...)` is a call."""

    def __init__(self, worker: Worker) -> None:
        self.worker, self.is_alive = worker, True
        self.load, self.compute = (
            SimpleNamespace(remote=lambda *arguments, method=method: partial(self._call, method, *arguments))
            for method in (worker.load, worker.compute)
        )

    def _call(self, method: Callable[..., Any], *arguments: Any) -> Any:
        try:
            if self.is_alive:
                return method(*arguments)
        except Death:
            self.is_alive = False
        raise LocalRay.exceptions.RayActorError


class LocalRay:
    """The part of the module `ray` that a pool uses. `choose`: which of the open calls is finished first."""

    exceptions = SimpleNamespace(**{each: type(each, (Exception,), {}) for each in LOST})

    def __init__(self, choose: int = 0) -> None:
        self.choose, self.actors = choose, list[RayActor]()

    def remote(self, num_cpus: int) -> Any:
        return lambda kind: SimpleNamespace(remote=lambda *arguments: self._start(kind(*arguments)))

    def _start(self, worker: Worker) -> RayActor:
        self.actors.append(RayActor(worker))
        return self.actors[-1]

    def wait(self, calls: Sequence[Any], num_returns: int) -> tuple[list[Any], list[Any]]:
        return [calls[self.choose]], []

    def get(self, call: Callable[[], Any]) -> Any:
        return call()

    def kill(self, actor: RayActor) -> None:
        actor.is_alive = False


def make_parts(*names: str) -> list[Part]:
    return [Recording(Path(name)) for name in names]


@pytest.mark.parametrize("choose", [0, -1])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_part_that_kills_every_process_is_a_failure_and_each_other_comes_once(workers: int, choose: int) -> None:
    ray, names = LocalRay(choose), ["a", "b", "deadly", "c", "d", "e", "f", "g"]
    found = list(Pool(ray, DeadlyJob(), 1, make_parts(*names)).run(workers))
    expected = [(index, each.encode()) for index, each in enumerate(names)]
    expected[2] = (2, b"deadly failed: 3 processes died while they read it")
    assert sorted(found) == expected
    assert len(ray.actors) == workers + MAX_ATTEMPTS
    assert not any(actor.is_alive for actor in ray.actors)


def test_the_largest_part_comes_first(tmp_path: Path) -> None:
    for size in (10, 3000, 200):
        (tmp_path / str(size)).write_bytes(bytes(size))
    parts: list[Part] = [Recording(tmp_path / str(size)) for size in (10, 3000, 200)]
    found = Pool(LocalRay(), DeadlyJob(), 1, parts).run(1)
    assert list(found) == [(1, b"3000"), (2, b"200"), (0, b"10")]


def test_at_most_one_part_waits_at_a_worker_and_none_at_the_end() -> None:
    pool = Pool(LocalRay(), DeadlyJob(), 1, make_parts(*map(str, range(9))))
    next(results := pool.run(1))
    assert [len(actor.calls) for actor in pool.actors] == [2]
    assert [[len(actor.calls) for actor in pool.actors] for _ in results][-3:] == [[1], [1], [0]]


def test_networks_that_cannot_be_loaded_are_one_sentence() -> None:
    parts = make_parts("a")
    with pytest.raises(RunError, match=r"^a worker cannot start: the weights are not here: fetch them\.$"):
        next(Pool(LocalRay(), EchoJob(has_weights=False), 1, parts).run(1))
    ray = LocalRay()
    with pytest.raises(RunError, match="a worker cannot start: 3 processes died while they loaded the model"):
        next(Pool(ray, DeadlyJob(has_memory=False), 1, parts).run(1))
    assert len(ray.actors) == MAX_ATTEMPTS
