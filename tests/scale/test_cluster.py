import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from mmerc.errors import ConfigError, RunError
from mmerc.inference.inputs import Part, Recording
from mmerc.scale.cluster import Cluster
from mmerc.scale.work import Job
from tests.cli.run import run
from tests.scale.conftest import RAY_WARNINGS
from tests.scale.jobs import EchoJob

pytestmark = RAY_WARNINGS
SECONDS = 300.0  # on a machine with nothing else to do it takes a few


def test_without_ray_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"needs the extra ray: pip install 'mmerc\[ray\]'"):
        next(Cluster().run(EchoJob(), [Recording(Path("a"))]))


def test_a_cluster_that_does_not_answer() -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    with pytest.raises(RunError, match="the Ray cluster at 127.0.0.1:1 cannot be reached"):
        next(Cluster("127.0.0.1:1").run(EchoJob(), [Recording(Path("a"))]))


def test_a_killed_worker_and_a_killed_driver_cost_only_what_they_had_open(
    address: str, small_run: Path, small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    for index, clip in enumerate([*sorted(small_corpus.rglob("*.mp4")), Path(__file__)] * 2):
        shutil.copy(clip, clips / f"{index:02}.mp4")
    command = ("predict", small_run / "model", clips, "--threads", 1, "--out")
    assert run(*command, tmp_path / "plain.jsonl").exit_code == 0
    out = tmp_path / "ray.jsonl"
    options = ("--engine", "ray", "--workers", 1)
    driver = subprocess.Popen(
        [sys.executable, "-m", "mmerc", *map(str, (*command, out, *options)), "--address", address]
    )
    wait_for_parts(out, 2)
    (worker,) = find_workers()
    os.kill(worker.pid, signal.SIGKILL)
    wait_for_parts(out, len(list_parts(out)) + 2)
    driver.kill()
    driver.wait()
    kept = len(list_parts(out))
    assert 4 <= kept < len(list(clips.iterdir()))
    counts: list[int] = []
    compute = Cluster.run

    def count(self: Cluster, job: Job, parts: Sequence[Part]) -> Iterator[tuple[int, bytes]]:
        counts.append(len(parts))
        return compute(self, job, parts)

    monkeypatch.setattr(Cluster, "run", count)
    result = run(*command, out, *options)
    assert result.exit_code == 0, result.stderr
    assert counts == [len(list(clips.iterdir())) - kept]
    assert out.read_bytes() == (tmp_path / "plain.jsonl").read_bytes()
    assert not Path(f"{out}.parts").exists()


def list_parts(out: Path) -> list[Path]:
    return list(Path(f"{out}.parts").glob("[0-9]*"))


def wait_for_parts(out: Path, count: int) -> None:
    end = time.monotonic() + SECONDS
    while len(list_parts(out)) < count:
        assert time.monotonic() < end, f"{len(list_parts(out))} parts after {SECONDS} s"
        time.sleep(0.01)


def find_workers() -> list[psutil.Process]:
    """The processes of Ray that hold the networks."""
    children = psutil.Process().children(recursive=True)
    return [each for each in children if each.cmdline() and each.cmdline()[0].startswith("ray::Worker")]


def test_a_worker_needs_as_many_cpus_as_threads(address: str) -> None:
    with pytest.raises(ConfigError, match="the cluster has no 3 CPUs for a worker"):
        next(Cluster(threads=3).run(EchoJob(), [Recording(Path("a"))]))
