from pathlib import Path

import pytest

from mmerc.errors import RunError
from mmerc.inference.inputs import Part, Recording
from mmerc.scale.cluster import Cluster
from mmerc.scale.pool import MAX_ATTEMPTS, Worker
from tests.scale.conftest import RAY_WARNINGS
from tests.scale.jobs import EchoJob

pytestmark = RAY_WARNINGS


def make_parts(*names: str) -> list[Part]:
    return [Recording(Path(name)) for name in names]


def test_a_part_that_kills_every_process_is_a_failure_and_the_others_come_once(address: str) -> None:
    parts = make_parts("a", "b", "deadly", "c", "bad", "d", "e")
    found = sorted(Cluster(workers=2).run(EchoJob(), parts))
    assert found == [
        (0, b"a 1"),
        (1, b"b 1"),
        (2, b"deadly failed: 3 processes died while they read it"),
        (3, b"c 1"),
        (4, b"bad failed: bad is no recording: give another one."),
        (5, b"d 1"),
        (6, b"e 1"),
    ]


def test_the_largest_part_comes_first(address: str, tmp_path: Path) -> None:
    files = [tmp_path / str(size) for size in (10, 3000, 200)]
    for file in files:
        file.write_bytes(bytes(int(file.name)))
    found = Cluster(workers=1).run(EchoJob(), [Recording(file) for file in files])
    assert list(found) == [(1, b"3000 1"), (2, b"200 1"), (0, b"10 1")]


def test_more_workers_than_the_cluster_has_cpus_for(address: str) -> None:
    found = Cluster(workers=5).run(EchoJob(), make_parts(*"abcdefg"))
    assert sorted(index for index, _ in found) == list(range(7))


def test_networks_that_cannot_be_loaded_are_one_sentence(address: str) -> None:
    with pytest.raises(RunError, match=r"^a worker cannot start: the weights are not here: fetch them\.$"):
        next(Cluster(workers=2).run(EchoJob(has_weights=False), make_parts("a", "b")))
    with pytest.raises(RunError, match="a worker cannot start: 3 processes died while they loaded the model"):
        next(Cluster(workers=2).run(EchoJob(has_memory=False), make_parts("a", "b")))


def test_a_worker_computes_no_part_with_which_many_have_died() -> None:
    worker = Worker(EchoJob(), 1)
    assert worker.load() is None
    (part,) = make_parts("a")
    assert worker.compute(part, MAX_ATTEMPTS - 1) == b"a 1"
    assert worker.compute(part, MAX_ATTEMPTS) == b"a failed: 3 processes died while they read it"
