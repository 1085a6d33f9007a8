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
from mmerc.serving.job_store import JobStore
from mmerc.serving.logs import log_failure

Work = Callable[["Job"], Sequence[Prediction]]
UNREAD_SECONDS = 60.0  # time for the first reading of a result, if nothing is retained after it
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
    body: dict[str, Any] | None = None  # of a result that is read from the disk
    is_erased: bool = False  # nothing of it is kept when it ends

    def to_dict(self) -> dict[str, Any]:
        """The job as a body of a response."""
        if self.body is not None:
            return self.body
        names = ("id", "state", "done", "total", "rows", "problems", "error")
        return {name: getattr(self, name) for name in names} | {
            "columns": [column.to_dict() for column in self.columns]
        }


def make_id() -> str:
    """An ID that cannot be guessed, because it alone gives access to the job."""
    return secrets.token_urlsafe(16)


class Cancelled(Exception):
    """Raised by the work of a job when it finds that the job is cancelled."""


class Jobs:
    """Runs jobs in one thread. At most `max_jobs` run or wait; at most `max_stored` finished ones are stored."""

    def __init__(self, max_jobs: int, max_stored: int, expiry_seconds: float, store: JobStore | None = None) -> None:
        """`store`: where jobs and results lie on disk; by default they are in memory."""
        self.max_jobs, self.store, self.expiry_seconds = max_jobs, store, expiry_seconds or UNREAD_SECONDS
        self._is_closing = False
        self.is_given_once = expiry_seconds == 0
        self._finished: ExpiringStore[Job] = ExpiringStore(max(max_stored, max_jobs), self.expiry_seconds)
        self._worker = ThreadPoolExecutor(1, "mmerc-job")
        self._lock = Lock()
        self._open: dict[str, Job] = {}
        self._cleanups: dict[str, Callable[[], None]] = {}  # of the open jobs

    def add(
        self, work: Work, on_end: Callable[[], None], id: str | None = None, *, is_resumed: bool = False
    ) -> Job | None:
        """A new job, or `None` if there are too many. `on_end` is called in every case: when the job ends, or now.

        `is_resumed`: it was accepted before a restart, so it is not refused.
        """
        with self._lock:
            if len(self._open) >= self.max_jobs and not is_resumed:
                on_end()
                return None
            job = Job(id or make_id())
            self._open[job.id], self._cleanups[job.id] = job, on_end
        self._worker.submit(self._run, job, work, on_end)
        return job

    def get(self, id: str) -> Job | None:
        """The job with this ID, or `None` if there is none or it has expired."""
        job = self._open.get(id)
        if job is not None:
            return job
        found = self._finished.get(id)
        if found is None and self.store is not None and (body := self.store.read_result(id)) is not None:
            found = Job(id, body["state"], body=body)
        return found

    def note_reading(self, job: Job) -> None:
        """A client reads the job. If nothing is retained, a finished job is deleted now."""
        if self.is_given_once and job.id not in self._open:
            self._forget(job.id)

    def erase(self, id: str) -> bool:
        """Delete a job with its result and its files; an open one ends at its next step. Whether there was one."""
        with self._lock:
            job = self._open.get(id)
            if job is not None:
                job.is_erased = True
                self._stop(job)
        return self._forget(id) or job is not None

    def cancel(self, job: Job) -> None:
        """Delete a finished job, or the files of an open one, which then is "cancelled"."""
        with self._lock:
            if job.id in self._open:
                self._stop(job)
                if self.store is not None:
                    self.store.erase(job.id)
                return
        self._forget(job.id)

    def _stop(self, job: Job) -> None:
        job.is_cancelled = True
        self._cleanups[job.id]()

    def _forget(self, id: str) -> bool:
        """Delete a job from memory and disk. Whether there was one."""
        on_disk = self.store is not None and self.store.erase(id)
        return self._finished.remove(id) is not None or on_disk

    def sweep(self) -> None:
        """Delete the finished jobs that have expired."""
        self._finished.sweep()
        if self.store is not None:
            self.store.sweep(self.expiry_seconds)

    @property
    def open_count(self) -> int:
        """Jobs that run or wait."""
        return len(self._open)

    def close(self) -> None:
        """Cancel all jobs, or leave them to the next start if they are on disk, and wait until the running one has ended."""
        with self._lock:
            self._is_closing = True
            for job in self._open.values():
                job.is_cancelled = True
        self._worker.shutdown(wait=True)
        if self.store is not None:
            self.store.close()

    def _run(self, job: Job, work: Work, on_end: Callable[[], None]) -> None:
        try:
            if job.is_cancelled:
                raise Cancelled
            job.state = "running"
            if self.store is not None:
                self.store.begin(job.id)
            job.rows = [prediction.to_dict() for prediction in work(job)]
            job.columns = list_columns(job.rows, {"probabilities": job.labels})
            job.state = "done"
        except Cancelled:
            job.state = "cancelled"
        except MmercError as error:
            job.state, job.error = ("cancelled", "") if job.is_cancelled else ("failed", str(error))
        except Exception as error:
            if job.is_cancelled:  # its files were deleted
                job.state = "cancelled"
            else:
                log_failure("a job failed", error)
                job.state, job.error = "failed", "the service failed on this recording: its log has the details."
        finally:
            on_end()
            if job.state == "cancelled":
                job.rows, job.problems = [], []
            self._keep(job)
            with self._lock:
                if not job.is_erased and (self.store is None or job.state == "cancelled"):
                    self._finished.get_or_create(job.id, lambda: job)
                del self._open[job.id], self._cleanups[job.id]

    def _keep(self, job: Job) -> None:
        """Store the result on disk. A job that was interrupted by the end of the service stays in the queue."""
        if self.store is None or job.is_erased:
            return
        try:
            if job.state == "cancelled" and self._is_closing:
                self.store.suspend(job.id)
            else:
                self.store.finish(job.id, job.to_dict())
        except (MmercError, OSError) as error:
            log_failure("a result was not stored", error)
