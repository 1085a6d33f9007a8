"""The recognised words of the utterances of one live stream."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

import numpy as np

from mmerc.corpora import Utterance
from mmerc.inference.live_text import Words
from mmerc.inference.live_words import LiveWords, join_words
from mmerc.model import Prediction

MAX_KEPT = 8  # utterances whose words are kept for their predictions
RUNNING_SECONDS = 0.5  # for which an answer before the end waits for the words
LATE_SECONDS = 30.0  # after an utterance has ended, in which late words correct its prediction

Recognition = Future[Sequence[Words]]


@dataclass(frozen=True)
class _Heard:
    """What is recognised of an utterance that goes on: its start, until when it was heard, in seconds of the stream, and the words."""

    start: float | None
    until: float
    recognition: Recognition


class StreamWords:
    """Asks for the words of utterances whose words the client has not sent. `recogniser`: None recognises nothing."""

    def __init__(self, recogniser: LiveWords | None) -> None:
        self.recogniser = recogniser
        self._found: dict[float | None, Sequence[Words]] = {}  # by the start of the utterance
        self._heard: _Heard | None = None

    def ask(self, utterance: Utterance) -> Recognition | None:
        """Begin to recognise the words of an utterance that has ended; None if they are known, or will not be recognised.

        If the utterance was heard to its end while it went on, nothing is recognised again.
        """
        if self.recogniser is None or utterance.text:
            return None
        heard = self._heard
        if heard is not None and heard.start == utterance.start and heard.until >= (utterance.end or np.inf):
            return heard.recognition
        return self.recogniser.submit(utterance)

    async def complete(self, utterance: Utterance, recognition: Recognition, seconds: float) -> Utterance | None:
        """The utterance with its words; None if they are not there after so many seconds."""
        try:
            words = await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(recognition)), seconds)
        except TimeoutError:
            return None
        end = utterance.end or np.inf
        self._keep(utterance, [each for each in words if (each.start or 0.0) < end])
        return replace(utterance, text=join_words(self._found[utterance.start]))

    def listen(self, running: Utterance) -> Recognition | None:
        """Begin to recognise the words of an utterance that is going on, as far as it was heard; None if the recogniser has other work."""
        if self.recogniser is None or running.text:
            return None
        heard = self._heard
        if heard is not None and not heard.recognition.done():
            return None
        recognition = self.recogniser.submit(running, is_final=False)
        if recognition is not None:
            self._heard = _Heard(running.start, running.end or 0.0, recognition)
        return recognition

    async def add_to_running(self, running: Utterance) -> Utterance:
        """The utterance that is going on with its words; with those of the last time if the new ones take long."""
        recognition = self.listen(running)
        if recognition is not None:
            found = await self.complete(running, recognition, RUNNING_SECONDS)
            if found is not None:
                return found
        return replace(running, text=running.text or join_words(self._found.get(running.start, ())))

    def find(self, prediction: Prediction) -> Sequence[Words]:
        """The recognised words of a prediction; none if its text is another one."""
        words = self._found.get(prediction.start, ())
        return words if join_words(words) == prediction.text else ()

    def _keep(self, utterance: Utterance, words: Sequence[Words]) -> None:
        self._found.pop(utterance.start, None)
        self._found[utterance.start] = words
        while len(self._found) > MAX_KEPT:
            del self._found[next(iter(self._found))]
