"""The threads that compute predictions: how many at once, whose turn it is, and what is refused or given up."""

import asyncio
import contextvars
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Event, Lock
from typing import TypeVar

from fastapi import HTTPException

from mmerc.media.fair_slots import FairSlots
from mmerc.serving.clients import CLIENT
from mmerc.serving.limits import Limits
from mmerc.serving.look_ahead import LookAhead
from mmerc.serving.metrics import Metrics

THREADS = 4  # threads that compute at the same time, without those that wait for a decoder; the networks compute one batch at a time
INTERIM = "interim"  # transport of the answers before the end of an utterance
Result = TypeVar("Result")


class PredictionThreads:
    """`ahead` has the work for utterances that are going on; it waits while others are predicted."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self.limits, self.metrics = limits, metrics
        self.ahead = LookAhead()
        self.waiting = 0  # utterances that are computed, or wait for it
        self._count_lock = Lock()
        self._executor = ThreadPoolExecutor(limits.max_waiting_utterances, "mmerc-prediction")
        self._slots = FairSlots(THREADS, keeps_one_free=False)
        self._has_slot: ContextVar[bool] = ContextVar("has_slot", default=False)

    @property
    def is_busy(self) -> bool:
        """Whether all threads compute, so that interim answers would delay others."""
        return self.waiting >= THREADS

    async def run(
        self, work: Callable[[], Result], transport: str, on_end: Callable[[], None] = lambda: None
    ) -> Result:
        """See `Service.run`."""
        with self._count_lock:
            is_full = self.waiting >= self.limits.max_waiting_utterances
            self.waiting += not is_full
        if is_full:
            on_end()
            raise HTTPException(429, "too many utterances are waiting: send it again later.", {"Retry-After": "1"})
        has_ended = transport != INTERIM
        if has_ended:
            self.ahead.begin_prediction()

        def finish(_: Future[Result]) -> None:  # in the thread itself, because the event loop may have ended by then
            with self._count_lock:
                self.waiting -= 1
            if has_ended:
                self.ahead.end_prediction()
            on_end()

        started = time.monotonic()
        is_abandoned = Event()
        context = contextvars.copy_context()  # the log has the ID of the request
        future = self._executor.submit(context.run, self._compute, work, is_abandoned)
        future.add_done_callback(finish)
        timeout = self.limits.prediction_timeout_seconds
        try:
            result = await asyncio.wait_for(asyncio.wrap_future(future), timeout)
        except TimeoutError as error:  # work that has not started never will
            is_abandoned.set()
            raise HTTPException(
                504, f"there is no prediction within {timeout:g} s: send a shorter utterance."
            ) from error
        self.metrics.predictions.labels(transport).observe(time.monotonic() - started)
        return result

    @contextmanager
    def leave_slot(self) -> Iterator[None]:
        """While this thread waits for a decoder, another one computes in its place."""
        if not self._has_slot.get():
            yield
            return
        client = CLIENT.get()
        self._slots.release(client)
        try:
            yield
        finally:
            self._slots.acquire(client)

    async def close(self) -> None:
        """Cancel what waits, and wait for what runs."""
        await asyncio.to_thread(self.ahead.close)
        await asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)

    def _compute(self, work: Callable[[], Result], is_abandoned: Event) -> Result:
        client = CLIENT.get()
        self._slots.acquire(client)
        try:
            if is_abandoned.is_set():
                raise CancelledError
            self._has_slot.set(True)
            return work()
        finally:
            self._slots.release(client)
