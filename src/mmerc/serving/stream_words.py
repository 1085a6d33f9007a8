"""The recognised words of the utterances of one live stream."""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

import numpy as np

from mmerc.corpora import Utterance
from mmerc.inference.heard_words import HeardWords
from mmerc.inference.live_text import Words
from mmerc.inference.live_words import LiveWords, join_words
from mmerc.model import Prediction

MAX_KEPT = 8  # utterances whose words are kept for their predictions
RUNNING_SECONDS = 0.5  # for which an answer before the end waits for the words

Recognition = Future[Sequence[Words]]


@dataclass(frozen=True)
class _Asked:
    """A recognition and what it hears: the sound between two times, in seconds of the stream."""

    start: float
    end: float
    recognition: Recognition


class StreamWords:
    """Asks for the words of utterances whose words the client has not sent. `recogniser`: None recognises nothing.

    Words are kept by their time, whenever they come: an utterance has all words of its time that have come so far.
    """

    def __init__(self, recogniser: LiveWords | None) -> None:
        self.recogniser = recogniser
        self._heard = HeardWords()
        self._asked: deque[_Asked] = deque()  # oldest first; the recogniser answers in this order
        self._running: _Asked | None = None  # the last recognition of an utterance that went on
        self._given: dict[float | None, Sequence[Words]] = {}  # those that an utterance has last got, by its start

    def ask(self, utterance: Utterance) -> Recognition | None:
        """Begin to recognise the words of an utterance that has ended; None if the client has sent them, or they will not be recognised.

        If the utterance was heard to its end while it went on, nothing is recognised again. If too much is waiting, it gets what was asked for while it went on.
        """
        if self.recogniser is None or utterance.text:
            return None
        start, end = _get_times(utterance)
        last = self._running
        if last is not None and last.start == start and last.end >= end:
            return last.recognition
        recognition = self._submit(utterance, is_final=True)
        if recognition is None:
            waiting = [each.recognition for each in self._asked if each.start < end and start < each.end]
            return waiting[-1] if waiting else None
        return recognition

    def listen(self, running: Utterance) -> Recognition | None:
        """Begin to recognise the words of an utterance that is going on, as far as it was heard; None if the recogniser has other work."""
        if self.recogniser is None or running.text:
            return None
        if self._running is not None and not self._running.recognition.done():
            return None
        recognition = self._submit(running, is_final=False)
        if recognition is not None:
            self._running = self._asked[-1]
        return recognition

    async def wait(self, recognition: Recognition, seconds: float | None) -> bool:
        """Wait for a recognition, at most so many seconds; whether it has ended."""
        if not recognition.done():
            await asyncio.wait([asyncio.wrap_future(recognition)], timeout=seconds)
        return recognition.done()

    def complete(self, utterance: Utterance) -> Utterance:
        """The utterance with the words of its time that have come so far, unless the client has sent some."""
        if self.recogniser is None or utterance.text:
            return utterance
        while self._asked and self._asked[0].recognition.done():
            asked = self._asked.popleft()
            if not asked.recognition.cancelled():
                self._heard.add(asked.recognition.result(), asked.start, asked.end)
        words = self._heard.find(*_get_times(utterance))
        self._given.pop(utterance.start, None)
        self._given[utterance.start] = words
        while len(self._given) > MAX_KEPT:
            del self._given[next(iter(self._given))]
        return replace(utterance, text=join_words(words))

    async def complete_running(self, running: Utterance) -> Utterance:
        """The utterance that is going on with its words; those of the last moments are missing if they take long."""
        recognition = self.listen(running)
        if recognition is not None:
            await self.wait(recognition, RUNNING_SECONDS)
        return self.complete(running)

    def find(self, prediction: Prediction) -> Sequence[Words]:
        """The recognised words of a prediction; none if its text is another one."""
        words = self._given.get(prediction.start, ())
        return words if join_words(words) == prediction.text else ()

    def _submit(self, utterance: Utterance, *, is_final: bool) -> Recognition | None:
        assert self.recogniser is not None
        recognition = self.recogniser.submit(utterance, is_final=is_final)
        if recognition is not None:
            self._asked.append(_Asked(*_get_times(utterance), recognition))
        return recognition


def _get_times(utterance: Utterance) -> tuple[float, float]:
    """Start and end in seconds of the stream; an utterance without them is the whole stream."""
    return utterance.start or 0.0, np.inf if utterance.end is None else utterance.end
