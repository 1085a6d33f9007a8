"""Calls from many threads, computed together: the calls that arrive during a computation make the next batch."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

Request = TypeVar("Request")
Result = TypeVar("Result")


class CallBatcher(Generic[Request, Result]):
    """`compute` gives a result for each of at most `max_batch` requests; one thread at a time runs it.

    >>> double = CallBatcher(lambda numbers: [2 * number for number in numbers], max_batch=8)
    >>> double(21)
    42
    """

    def __init__(self, compute: Callable[[Sequence[Request]], Sequence[Result]], *, max_batch: int) -> None:
        self.compute, self.max_batch = compute, max_batch
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._waiting: list[tuple[Request, Future[Result]]] = []
        self._waiting_lock, self._compute_lock = Lock(), Lock()

    def __call__(self, request: Request) -> Result:
        """The result of a request. What `compute` raises is raised in every call of the batch."""
        if os.getpid() != self._process:  # a forked child inherits locks that no thread of it will ever release
            self._start()
        own: Future[Result] = Future()
        with self._waiting_lock:
            self._waiting.append((request, own))
        while not own.done():
            with self._compute_lock:
                if not own.done():  # another thread may have computed it in the meantime
                    self._compute_next()
        return own.result()

    def _compute_next(self) -> None:
        with self._waiting_lock:
            batch, self._waiting = self._waiting[: self.max_batch], self._waiting[self.max_batch :]
        try:
            results = self.compute([request for request, _ in batch])
            for (_, future), result in zip(batch, results, strict=True):
                future.set_result(result)
        except BaseException as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
