"""The words of live utterances, recognised in a thread of their own, so that a slow recogniser delays no sound and no prediction."""

import logging
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from threading import Condition, Thread

import numpy as np
from jaxtyping import Float

from mmerc.corpora import Utterance
from mmerc.errors import MissingModality
from mmerc.inference.live_text import Words
from mmerc.inference.transcription import Transcriber, WordRecogniser
from mmerc.media.live_input import read_utterance_waveform

MAX_WAITING = 16  # utterances
MARGIN = 0.05  # seconds: the precision of the times of words
# Seconds of a recognition: a slower recogniser leaves running utterances out, because those that have ended would wait for them.
MAX_SECONDS = 1.0

log = logging.getLogger("mmerc")


@dataclass(frozen=True)
class _Job:
    samples: Float[np.ndarray, " S"]
    utterance: Utterance
    future: Future[Sequence[Words]]


class LiveWords:
    """Recognises the words of utterances that have ended, one after the other, and of running ones where there is time.

    The words have times if the transcriber is a `WordRecogniser`; otherwise they are one text without times. Several streams
    may share it.

    >>> from mmerc.corpora import LiveRecording
    >>> words = LiveWords(lambda samples: "You came back!")
    >>> utterance = Utterance("live", "", 0, live=LiveRecording(np.full(8000, 0.1, np.float32)))
    >>> [each.text for each in words.submit(utterance).result()]
    ['You came back!']
    >>> words.close()
    """

    def __init__(self, transcriber: Transcriber, *, max_waiting: int = MAX_WAITING) -> None:
        """`max_waiting`: utterances that have ended and wait; further ones get no words."""
        self.transcriber, self.max_waiting = transcriber, max_waiting
        self._jobs: deque[_Job] = deque()
        self._condition = Condition()
        self._is_working = self._is_closed = False
        self._last_seconds = 0.0  # that the last recognition took
        self._thread = Thread(target=self._work, name="mmerc-words", daemon=True)
        self._thread.start()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is recognised, nothing waits, and the recogniser is fast enough for utterances that are going on."""
        return not (self._jobs or self._is_working) and self._last_seconds <= MAX_SECONDS

    def submit(self, utterance: Utterance, *, is_final: bool = True) -> "Future[Sequence[Words]] | None":
        """The words of a live utterance, when they are recognised; times are those of the stream.

        None if there is no sound, or too much is waiting. An utterance that is not final is refused unless the recogniser `is_idle`.
        """
        if utterance.live is None or not (is_final or self.is_idle):
            return None
        try:
            samples = read_utterance_waveform(utterance)
        except MissingModality:
            return None
        with self._condition:
            if self._is_closed or len(self._jobs) >= self.max_waiting:
                return None
            job = _Job(samples, utterance, Future())
            self._jobs.append(job)
            self._condition.notify()
        return job.future

    def close(self) -> None:
        """End the thread; what waits is cancelled."""
        with self._condition:
            self._is_closed = True
            for job in self._jobs:
                job.future.cancel()
            self._jobs.clear()
            self._condition.notify()
        self._thread.join()

    def _work(self) -> None:
        while (job := self._take()) is not None:
            if not job.future.set_running_or_notify_cancel():
                continue
            started = time.monotonic()
            try:
                words = self._recognise(job)
            except Exception as error:  # of the recogniser; the utterance has no words then
                log.warning("the words of an utterance were not recognised: %s", error)
                words = []
            with self._condition:
                self._last_seconds, self._is_working = time.monotonic() - started, False
            job.future.set_result(words)  # who waits for it finds the recogniser idle

    def _take(self) -> _Job | None:
        """The next job; None at the end."""
        with self._condition:
            while not (self._jobs or self._is_closed):
                self._condition.wait()
            if self._is_closed:
                return None
            self._is_working = True
            return self._jobs.popleft()

    def _recognise(self, job: _Job) -> Sequence[Words]:
        live, first, last = job.utterance.live, job.utterance.start or 0.0, job.utterance.end or np.inf
        if isinstance(self.transcriber, WordRecogniser) and live is not None:
            words = [_shift(each, live.start) for each in self.transcriber.recognise(job.samples)]
            # The sound has a margin, in which the last word before it or the first one after it may be.
            return [each for each in words if (each.end or 0.0) > first + MARGIN and (each.start or 0.0) < last]
        text = self.transcriber(job.samples)
        return [Words(text)] if text else []


def _shift(words: Words, seconds: float) -> Words:
    return replace(words, start=round((words.start or 0.0) + seconds, 3), end=round((words.end or 0.0) + seconds, 3))


def join_words(words: Sequence[Words]) -> str | None:
    """The text of words; None without any.

    >>> join_words([Words("You came"), Words("back!")])
    'You came back!'
    """
    return " ".join(each.text for each in words) or None
