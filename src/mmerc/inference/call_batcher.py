"""Calls from many threads, computed together: whatever has come while one of them was busy makes the next batch."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Together(Generic[Asked, Answered]):
    """`compute` gives an answer for each of at most `most` things asked; only one thread is in it at any time.

    >>> double = Together(lambda numbers: [2 * number for number in numbers], most=8)
    >>> double(21)
    42
    """

    def __init__(self, compute: Callable[[Sequence[Asked]], Sequence[Answered]], *, most: int) -> None:
        self.compute, self.most = compute, most
        self._waiting: list[tuple[Asked, Future[Answered]]] = []
        self._list, self._work = Lock(), Lock()

    def __call__(self, asked: Asked) -> Answered:
        """The answer; what `compute` raises is raised in every call of the batch."""
        own: Future[Answered] = Future()
        with self._list:
            self._waiting.append((asked, own))
        while not own.done():
            with self._work:
                if not own.done():  # another thread has answered it meanwhile
                    self._next()
        return own.result()

    def _next(self) -> None:
        with self._list:
            group, self._waiting = self._waiting[: self.most], self._waiting[self.most :]
        try:
            answers = self.compute([asked for asked, _ in group])
            for (_, future), answer in zip(group, answers, strict=True):
                future.set_result(answer)
        except BaseException as error:
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
