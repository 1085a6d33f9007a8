"""Where the parts of a job are computed by Ray: on this machine or on a cluster. Needs the extra `ray`."""

import logging
import os
import re
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mmerc.errors import ConfigError, RunError, get_first_line
from mmerc.inference.inputs import Part
from mmerc.scale.pool import Pool
from mmerc.scale.work import Job
from mmerc.threads import count_cpus

ADDRESS = "RAY_ADDRESS"  # in which Ray itself looks for the address of a cluster
CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Cluster:
    """Where to compute.

    Attributes:
        address: of a running cluster, or `auto`; None takes the one that this process is connected to, or starts Ray on this
            machine for the length of the work.
        workers: number of processes with the networks; None is as many as there are CPUs for.
        threads: CPU threads of each worker.
    """

    address: str | None = None
    workers: int | None = None
    threads: int = 1

    def run(self, job: Job, parts: Sequence[Part]) -> Iterator[tuple[int, bytes]]:
        """The index of each part and what was computed of it, in the order in which they are finished.

        The largest parts are begun first. Another worker takes the place of one that dies, and the parts that it had open are
        computed again.

        Raises:
            ConfigError: Ray is not installed, or the cluster has too few CPUs for one worker.
            RunError: the cluster cannot be reached, or no worker can start.
        """
        with _connect(self) as ray:
            workers = self.workers or int(ray.cluster_resources().get("CPU", 0) // self.threads)
            if workers < 1:
                raise ConfigError(f"the cluster has no {self.threads} CPUs for a worker: give a smaller --threads.")
            try:
                yield from Pool(ray, job, self.threads, parts).run(min(workers, len(parts)))
            except ray.exceptions.RayError as error:
                reason = get_first_line(error)[:160]
                raise RunError(
                    f"Ray has stopped ({reason}): the finished parts are kept; run the same command to continue."
                ) from error


@contextmanager
def _connect(cluster: Cluster) -> Iterator[Any]:
    """The module `ray`, connected to a cluster."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what Ray warns of is no matter of the user
    try:
        import ray
    except ImportError as error:
        raise ConfigError("--engine ray needs the extra ray: pip install 'mmerc[ray]'.") from error
    if ray.is_initialized():  # by the program that calls
        yield ray
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    address = cluster.address or os.environ.get(ADDRESS)
    if address:
        options["address"] = address
    else:
        workers = cluster.workers or max(1, count_cpus() // cluster.threads)
        options |= {"address": "local", "num_cpus": workers * cluster.threads, "include_dashboard": False}
    try:
        if host := re.fullmatch(r"([\w.-]+):(\d+)", address or ""):  # Ray itself would try for minutes
            socket.create_connection((host[1], int(host[2])), CONNECT_SECONDS).close()
        with _silence_stderr():
            ray.init(**options)
    except Exception as error:  # Ray raises this class itself where a process of its own does not start in time
        where = f"the Ray cluster at {address} cannot be reached" if address else "Ray cannot be started"
        raise RunError(f"{where} ({get_first_line(error)[:160]}): check the address, and `ray status`.") from error
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def _silence_stderr() -> Iterator[None]:
    """Without what C++ code writes to stderr: Ray writes there that the log level was set."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
