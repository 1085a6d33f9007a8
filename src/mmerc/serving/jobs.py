"""Jobs: recordings that are processed one after another while their senders ask for the progress."""

import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Literal

from mmerc.errors import MmercError
from mmerc.model.prediction import Column, Prediction, list_columns
from mmerc.serving.expiring_store import ExpiringStore
from mmerc.serving.logs import log_failure

Work = Callable[["Job"], Sequence[Prediction]]
State = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass
class Job:
    """One recording. `done` of `total` utterances are predicted; `rows` are complete when the state is "done".

    `columns`: the columns of a table of the rows. `labels`: those of the model; each has a column, whether or not a row predicts it.
    """

    id: str
    state: State = "waiting"
    done: int = 0
    total: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    labels: Sequence[str] = ()
    columns: list[Column] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    error: str = ""
    is_cancelled: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The job as a body of a response."""
        names = ("id", "state", "done", "total", "rows", "problems", "error")
        return {name: getattr(self, name) for name in names} | {
            "columns": [column.to_dict() for column in self.columns]
        }


class Cancelled(Exception):
    """Raised by the work of a job when it finds that the job is cancelled."""


class Jobs:
    """Runs jobs in one thread. At most `max_jobs` run or wait; at most `max_stored` finished ones are stored."""

    def __init__(self, max_jobs: int, max_stored: int, expiry_seconds: float) -> None:
        self.max_jobs = max_jobs
        self._finished: ExpiringStore[Job] = ExpiringStore(max(max_stored, max_jobs), expiry_seconds)
        self._worker = ThreadPoolExecutor(1, "mmerc-job")
        self._lock = Lock()
        self._open: dict[str, Job] = {}

    def add(self, work: Work, on_end: Callable[[], None]) -> Job | None:
        """A new job, or `None` if there are too many. `on_end` is called in every case: when the job ends, or now."""
        with self._lock:
            if len(self._open) >= self.max_jobs:
                on_end()
                return None
            job = Job(secrets.token_urlsafe(16))  # cannot be guessed, because the ID alone gives access to the job
            self._open[job.id] = job
        self._worker.submit(self._run, job, work, on_end)
        return job

    def get(self, id: str) -> Job | None:
        """The job with this ID, or `None` if there is none or it has expired."""
        return self._open.get(id) or self._finished.get(id)

    @property
    def open_count(self) -> int:
        """Jobs that run or wait."""
        return len(self._open)

    def close(self) -> None:
        """Cancel all jobs and wait until the running one has ended."""
        with self._lock:
            for job in self._open.values():
                job.is_cancelled = True
        self._worker.shutdown(wait=True)

    def _run(self, job: Job, work: Work, on_end: Callable[[], None]) -> None:
        try:
            if job.is_cancelled:
                raise Cancelled
            job.state = "running"
            job.rows = [prediction.to_dict() for prediction in work(job)]
            job.columns = list_columns(job.rows, {"probabilities": job.labels})
            job.state = "done"
        except Cancelled:
            job.state = "cancelled"
        except MmercError as error:
            job.state, job.error = "failed", str(error)
        except Exception as error:
            log_failure("a job failed", error)
            job.state, job.error = "failed", "the service failed on this recording: its log has the details."
        finally:
            on_end()
            self._finished.get_or_create(job.id, lambda: job)
            with self._lock:
                del self._open[job.id]
