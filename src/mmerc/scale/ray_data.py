"""Parts that the actors of Ray Data compute, on this machine or on a cluster. Needs the extra `ray`."""

import logging
import os
import pickle
import re
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from mmerc.errors import ConfigError, MmercError, RunError, get_first_line
from mmerc.hardware import keep_memory
from mmerc.inference.inputs import Part
from mmerc.scale.attempts import Attempts
from mmerc.scale.work import Job, Work, process_safely
from mmerc.threads import NUM_THREADS, count_cpus, set_num_threads

ADDRESS = "RAY_ADDRESS"  # in which Ray itself looks for the address of a cluster
MAX_ATTEMPTS = 3  # a part with which this many processes have died is a failure
CONNECT_SECONDS = 10.0
RESULTS = pa.schema([("index", pa.int64()), ("content", pa.large_binary()), ("error", pa.string())])
MAX_BLOCKS = 20_000  # Ray Data keeps a record of each block


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

        A worker that dies is started again, and computes the parts again that it had open.

        Raises:
            ConfigError: Ray is not installed, or the cluster has too few CPUs for one worker.
            RunError: the cluster cannot be reached, or no worker can start.
        """
        with _connect(self) as ray:
            workers = self.workers or int(ray.cluster_resources().get("CPU", 0) // self.threads)
            if workers < 1:
                raise ConfigError(f"the cluster has no {self.threads} CPUs for a worker: give a smaller --threads.")
            attempts = ray.remote(num_cpus=0, max_restarts=-1)(Attempts).remote()
            rows = [{"index": index, "part": pickle.dumps(part)} for index, part in enumerate(parts)]
            blocks = ray.data.from_items(rows, override_num_blocks=min(len(rows), MAX_BLOCKS))
            computed = blocks.map_batches(
                Worker,
                fn_constructor_args=(job, self.threads, attempts),
                batch_size=1,
                batch_format="pyarrow",
                num_cpus=self.threads,
                # One part is computed and one waits: a worker would otherwise be idle until the driver gives it the next one. More
                # than one would wait behind a long part, because they are not given to another worker.
                compute=ray.data.ActorPoolStrategy(size=min(workers, len(rows)), max_tasks_in_flight_per_actor=2),
            )
            try:
                for batch in computed.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
                    for row in batch.to_pylist():
                        if row["error"] is not None:
                            raise RunError(f"a worker cannot start: {row['error']}")
                        yield row["index"], row["content"]
            except ray.exceptions.RayError as error:
                reason = get_first_line(error)[:160]
                raise RunError(
                    f"Ray has stopped ({reason}): the finished parts are kept; run the same command to continue."
                ) from error


class Worker:
    """The actor: it loads the networks once."""

    def __init__(self, job: Job, threads: int, attempts: Any) -> None:
        os.environ[NUM_THREADS] = str(threads)  # for libraries that torch does not set
        set_num_threads(threads)
        keep_memory()
        logging.getLogger("mmerc").setLevel(logging.ERROR)  # the rows have the reasons
        self.attempts = attempts
        self.work: Work | None = None
        self.error: str | None = None
        try:
            self.work = job.load()
        except MmercError as error:  # an error in here would be a trace of Ray on every terminal
            self.error = str(error)

    def __call__(self, batch: pa.Table) -> pa.Table:
        import ray

        columns: dict[str, list[Any]] = {"index": batch["index"].to_pylist(), "content": [], "error": []}
        for index, pickled in zip(columns["index"], batch["part"].to_pylist(), strict=True):
            part: Part = pickle.loads(pickled)  # nosec B301: pickled by this program, in `Cluster.run`
            content = None
            if self.work is not None and ray.get(self.attempts.add.remote(index)) > MAX_ATTEMPTS:
                content = self.work.fail(part, f"{MAX_ATTEMPTS} processes died while they read it")
            elif self.work is not None:
                content = process_safely(self.work, part)
            columns["content"].append(content)
            columns["error"].append(self.error)
        return pa.table(columns, RESULTS)


@contextmanager
def _connect(cluster: Cluster) -> Iterator[Any]:
    """The module `ray`, connected to a cluster."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what Ray warns of is no matter of the user
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ConfigError("--engine ray needs the extra ray: pip install 'mmerc[ray]'.") from error
    if ray.is_initialized():  # by the program that calls
        _set_context(ray)
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
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        where = f"the Ray cluster at {address} cannot be reached" if address else "Ray cannot be started"
        raise RunError(f"{where} ({get_first_line(error)[:160]}): check the address, and `ray status`.") from error
    try:
        _set_context(ray)
        yield ray
    finally:
        ray.shutdown()


def _set_context(ray: Any) -> None:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_consecutive_actor_init_deaths = MAX_ATTEMPTS  # a worker may be killed while it loads its networks
    for name in ("ray.data", "ray"):
        logging.getLogger(name).setLevel(logging.ERROR)


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
