"""Work for utterances that are going on, in threads of its own, which wait while utterances that have ended are predicted."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition

MAX_WAIT = 1.0  # seconds, after which the work is left out; the next image brings more

THREADS = 8

log = logging.getLogger("mmerc")


class LookAhead:
    """Runs work if no prediction needs the computer. Several threads do it, because the calls of a predictor that come together are computed together.

    >>> ahead = LookAhead()
    >>> found = []
    >>> ahead.submit(lambda: found.append(1)).result()
    >>> ahead.close()
    >>> found
    [1]
    """

    def __init__(self, *, max_wait: float = MAX_WAIT) -> None:
        self.max_wait = max_wait
        self._executor = ThreadPoolExecutor(THREADS, "mmerc-ahead")
        self._predictions = 0  # that are computed, or wait for it
        self._changed = Condition()

    def submit(self, work: Callable[[], None]) -> Future[None]:
        """Do this as soon as nothing is more urgent. The future has a result also if the work has failed, or was left out."""
        return self._executor.submit(self._run, work)

    def begin_prediction(self) -> None:
        """From now on a prediction needs the computer."""
        with self._changed:
            self._predictions += 1

    def end_prediction(self) -> None:
        """It needs it no more."""
        with self._changed:
            self._predictions -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread; what waits is cancelled."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _run(self, work: Callable[[], None]) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._predictions == 0, self.max_wait):
                return
        try:
            work()
        except Exception:  # the prediction meets it again, and then the client learns of it
            log.debug("looking ahead failed", exc_info=True)
