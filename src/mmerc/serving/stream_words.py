"""The recognised words of the utterances of one live stream."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from mmerc.corpora import Utterance
from mmerc.inference.live_text import Words
from mmerc.inference.live_words import LiveWords, join_words
from mmerc.model import Prediction

MAX_KEPT = 8  # utterances whose words are kept for their predictions
LATE_SECONDS = 30.0  # after an utterance has ended, in which late words correct its prediction

Recognition = Future[Sequence[Words]]


class StreamWords:
    """Asks for the words of utterances whose words the client has not sent. `recogniser`: None recognises nothing."""

    def __init__(self, recogniser: LiveWords | None) -> None:
        self.recogniser = recogniser
        self._found: dict[float | None, Sequence[Words]] = {}  # by the start of the utterance
        self._running: Recognition | None = None  # of the utterance that is going on
        self._running_start: float | None = None

    def ask(self, utterance: Utterance) -> Recognition | None:
        """Begin to recognise the words of an utterance that has ended; None if they are known, or will not be recognised."""
        return None if self.recogniser is None or utterance.text else self.recogniser.submit(utterance)

    async def complete(self, utterance: Utterance, recognition: Recognition, seconds: float) -> Utterance | None:
        """The utterance with its words; None if they are not there after so many seconds."""
        try:
            words = await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(recognition)), seconds)
        except TimeoutError:
            return None
        self._keep(utterance, words)
        return replace(utterance, text=join_words(words))

    def add_to_running(self, running: Utterance) -> Utterance:
        """The utterance that is going on with the words recognised so far. If the recogniser is idle, it begins with the later ones."""
        if self.recogniser is None or running.text:
            return running
        if self._running is None or self._running.done():
            if self._running is not None and not self._running.cancelled() and self._running_start == running.start:
                self._keep(running, self._running.result())
            self._running = self.recogniser.submit(running, is_final=False)
            self._running_start = running.start
        return replace(running, text=join_words(self._found.get(running.start, ())))

    def find(self, prediction: Prediction) -> Sequence[Words]:
        """The recognised words of a prediction; none if its text is another one."""
        words = self._found.get(prediction.start, ())
        return words if join_words(words) == prediction.text else ()

    def _keep(self, utterance: Utterance, words: Sequence[Words]) -> None:
        self._found.pop(utterance.start, None)
        self._found[utterance.start] = words
        while len(self._found) > MAX_KEPT:
            del self._found[next(iter(self._found))]
