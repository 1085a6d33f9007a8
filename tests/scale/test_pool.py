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


def test_the_largest_part_comes_first_and_one_that_kills_every_process_is_a_failure(
    address: str, tmp_path: Path
) -> None:
    sizes = {"small": 10, "large": 3000, "deadly": 200, "bad": 100, "empty": 0}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(bytes(size))
    found = Cluster(workers=1).run(EchoJob(), [Recording(tmp_path / name) for name in sizes])
    assert list(found) == [
        (1, b"large 1"),
        (2, b"deadly failed: 3 processes died while they read it"),
        (3, b"bad failed: bad is no recording: give another one."),
        (0, b"small 1"),
        (4, b"empty 1"),
    ]


def test_more_workers_than_the_cluster_has_cpus_for(address: str) -> None:
    found = Cluster(workers=5).run(EchoJob(), make_parts(*"abcdefg"))
    assert sorted(index for index, _ in found) == list(range(7))


def test_networks_that_cannot_be_loaded_are_one_sentence(address: str) -> None:
    (part,) = make_parts("a")
    with pytest.raises(RunError, match=r"^a worker cannot start: the weights are not here: fetch them\.$"):
        next(Cluster(workers=1).run(EchoJob(has_weights=False), [part]))
    with pytest.raises(RunError, match="a worker cannot start: 3 processes died while they loaded the model"):
        next(Cluster(workers=1).run(EchoJob(has_memory=False), [part]))


def test_a_worker_computes_no_part_with_which_many_have_died() -> None:
    worker = Worker(EchoJob(), 1)
    assert worker.load() is None
    (part,) = make_parts("a")
    assert worker.compute(part, MAX_ATTEMPTS - 1) == b"a 1"
    assert worker.compute(part, MAX_ATTEMPTS) == b"a failed: 3 processes died while they read it"
