"""Recordings that are read one after another while their senders ask how far it is."""

import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Generic, Literal, TypeVar

from mmerc.errors import MmercError

log = logging.getLogger("mmerc")
Row = dict[str, Any]
Work = Callable[["Job"], list[Row]]
State = Literal["waiting", "running", "done", "failed", "cancelled"]
Kept = TypeVar("Kept")


class Remembered(Generic[Kept]):
    """The `most` things that were asked for last, for at most `seconds` after."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self._things: OrderedDict[str, tuple[float, Kept]] = OrderedDict()
        self._lock = Lock()

    def get(self, name: str, make: Callable[[], Kept] | None = None) -> Kept | None:
        """The thing of that name; where there is none, what `make` gives, which is kept."""
        with self._lock:
            now = time.monotonic()
            while self._things and next(iter(self._things.values()))[0] < now - self.seconds:
                self._things.popitem(last=False)
            found = self._things.pop(name, None)
            thing = found[1] if found is not None else make() if make is not None else None
            if thing is not None:
                self._things[name] = (now, thing)
            while len(self._things) > self.most:
                self._things.popitem(last=False)
            return thing


@dataclass
class Job:
    """One recording. `done` of `total` utterances are answered; `rows` are there when all are."""

    id: str
    state: State = "waiting"
    done: int = 0
    total: int = 0
    rows: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    error: str = ""
    cancelled: bool = False

    def shown(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("id", "state", "done", "total", "rows", "problems", "error")}


class Cancelled(Exception):
    """Raised by the work itself when it sees that nobody wants it any more."""


class Jobs:
    """One worker; at most `most` jobs in it or before it."""

    def __init__(self, most: int, kept: int, seconds: float) -> None:
        self.most = most
        self._known: Remembered[Job] = Remembered(max(kept, most), seconds)
        self._worker = ThreadPoolExecutor(1, "mmerc-job")
        self._lock = Lock()
        self._open: dict[str, Job] = {}

    def add(self, work: Work, finally_: Callable[[], None]) -> Job | None:
        """The new job, or `None` where there are too many. `finally_` is called in every case, then or later."""
        with self._lock:
            if len(self._open) >= self.most:
                finally_()
                return None
            job = Job(secrets.token_urlsafe(16))  # whoever cannot guess it cannot read it
            self._open[job.id] = job
        self._worker.submit(self._run, job, work, finally_)
        return job

    def get(self, name: str) -> Job | None:
        return self._open.get(name) or self._known.get(name)

    @property
    def open(self) -> int:
        return len(self._open)

    def close(self) -> None:
        """Let what is running end early, and wait for it."""
        with self._lock:
            for job in self._open.values():
                job.cancelled = True
        self._worker.shutdown(wait=True)

    def _run(self, job: Job, work: Work, finally_: Callable[[], None]) -> None:
        try:
            if job.cancelled:
                raise Cancelled
            job.state = "running"
            job.rows = work(job)
            job.state = "done"
        except Cancelled:
            job.state = "cancelled"
        except MmercError as error:
            job.state, job.error = "failed", str(error)
        except Exception:
            log.exception("a job failed")
            job.state, job.error = "failed", "the service failed on this recording: its log says where."
        finally:
            finally_()
            self._known.get(job.id, lambda: job)
            with self._lock:
                del self._open[job.id]
