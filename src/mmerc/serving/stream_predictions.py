"""The predictions of one live stream: computed in threads, sent in the order of the utterances, made again when words come late."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from fastapi import HTTPException

from mmerc.corpora import LiveRecording, Utterance
from mmerc.inference import Conversation
from mmerc.inference.streaming import MAX_REWIND
from mmerc.model import Prediction
from mmerc.serving import protocol
from mmerc.serving.logs import log_failure
from mmerc.serving.prediction_threads import INTERIM
from mmerc.serving.service import Service
from mmerc.serving.stream_words import Recognition, StreamWords

MAX_WAITING = 8  # utterances of one stream
LATE_SECONDS = 30.0  # for which a stream that has stopped waits for the words of its next utterance

Message = dict[str, Any]


@dataclass(frozen=True)
class _Predicted:
    """An utterance as it was predicted, and whether its words are the client's."""

    utterance: Utterance
    has_client_words: bool


class StreamPredictions:
    """Predicts the utterances of a conversation. The methods start the work and return at once.

    `send`: sends a message to the client, who may have left.
    """

    def __init__(
        self, service: Service, conversation: Conversation, send: Callable[[Message], Awaitable[None]]
    ) -> None:
        self.service, self.conversation, self.send = service, conversation, send
        self.words = StreamWords(service.live_words)
        self._tasks: set[asyncio.Task[None]] = set()
        self._late_tasks: set[asyncio.Task[None]] = set()  # that wait for words; they delay nothing
        self._send_lock = asyncio.Lock()  # predictions are sent in the order of the utterances
        self._last_end: float | None = None  # of the last utterance that has ended
        self._ahead: Future[None] | None = None  # reads images of the utterance that is going on
        self._recent: deque[_Predicted] = deque(maxlen=MAX_REWIND)  # the last ones

    @property
    def is_idle(self) -> bool:
        """Whether nothing is computed and nothing waits, but for words."""
        return not self._tasks

    def predict(self, utterance: Utterance) -> None:
        """Predict an utterance that has ended. It waits a moment for recognised words; if they come later, they correct the prediction."""
        self._last_end = utterance.end
        if len(self._tasks) >= MAX_WAITING:
            sentence = "too many utterances of this stream are waiting: one is not predicted."
            self.send_in_order(protocol.make_error(sentence, 429))
        else:
            self._start(self._predict(utterance))

    def predict_running(self, utterance: Utterance) -> None:
        """Predict an utterance that is going on, with the words that are recognised so far."""
        self._start(self._predict_running(utterance))

    def look_ahead(self, images: LiveRecording) -> None:
        """Read the images of the utterance that is going on, unless earlier ones are still being read."""
        if images.images and (self._ahead is None or self._ahead.done()):
            self._ahead = self.service.threads.ahead.submit(partial(self.conversation.look_ahead, images))

    def prepare(self, utterance: Utterance) -> None:
        """Begin with an utterance that will probably end like this: recognise its words, and encode its voice and its face."""
        self.words.listen(utterance)
        self.service.threads.ahead.submit(partial(self._prepare, utterance))

    def revise(self, utterance: Utterance) -> None:
        """Predict an utterance again, to which words have come late, and those after it, which read them."""
        self._start(self._revise(utterance))

    def send_in_order(self, message: Message) -> None:
        """Send a message after the predictions of earlier utterances."""
        self._start(self._send_in_order(message))

    async def finish(self, *, wait_for_words: bool) -> None:
        """Wait until all predictions are sent; `wait_for_words`: those that late words will correct, too, as long as words come."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        while self._late_tasks and wait_for_words:
            came, _ = await asyncio.wait(self._late_tasks, timeout=LATE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not came:
                return

    def cancel(self) -> None:
        """Give up what is not sent yet."""
        for task in self._tasks | self._late_tasks:
            task.cancel()

    def _start(self, work: Coroutine[Any, Any, None], *, is_late: bool = False) -> None:
        tasks = self._late_tasks if is_late else self._tasks
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _predict(self, utterance: Utterance) -> None:
        deadline = time.monotonic() + self.service.limits.words_wait_seconds
        recognition = self.words.ask(utterance)
        async with self._send_lock:
            is_late = False
            if recognition is not None:
                is_late = not await self.words.wait(recognition, max(0.0, deadline - time.monotonic()))
            # If the recognition is late, these are the words that came before its end.
            complete = self.words.complete(utterance)

            def predict() -> list[Prediction]:
                prediction = self.conversation.push(complete)
                self._recent.append(_Predicted(complete, bool(utterance.text)))
                return [prediction]

            await self._answer_or_explain(predict)
        if recognition is not None and is_late:
            self._start(self._correct(utterance, recognition), is_late=True)

    async def _predict_running(self, utterance: Utterance) -> None:
        heard = await self.words.complete_running(utterance)

        def predict() -> list[Prediction]:
            return [self.conversation.peek(heard)]

        async with self._send_lock:
            if self._last_end is not None and (utterance.start or 0.0) < self._last_end:
                return  # it has ended in the meantime
            with suppress(HTTPException):  # the next one may be in time
                await self._answer(predict, is_final=False)

    def _prepare(self, utterance: Utterance) -> None:
        if self._last_end is None or self._last_end < (utterance.end or 0.0):  # it has not ended in the meantime
            self.conversation.prepare(utterance)

    async def _correct(self, utterance: Utterance, recognition: Recognition) -> None:
        """Predict an utterance again when its words are recognised, unless the client has sent some."""
        await self.words.wait(recognition, None)
        await self._revise(utterance, is_recognised=True)

    async def _revise(self, utterance: Utterance, *, is_recognised: bool = False) -> None:
        """`is_recognised`: the words are recognised here; those that the client has sent stay."""

        def predict() -> list[Prediction]:
            index = next((n for n, each in enumerate(self._recent) if each.utterance.start == utterance.start), None)
            if index is None:
                return []
            revised = _Predicted(complete, bool(utterance.text))
            if is_recognised:
                known = self._recent[index]
                if known.has_client_words or known.utterance.text == complete.text:
                    return []
                revised = _Predicted(replace(known.utterance, text=complete.text), False)
            later = [revised, *list(self._recent)[index + 1 :]]
            self.conversation.rewind(len(later))
            for _ in later:
                self._recent.pop()
            predictions = []
            for each in later:
                predictions.append(self.conversation.push(each.utterance))
                self._recent.append(each)
            return predictions

        async with self._send_lock:
            complete = self.words.complete(utterance)
            await self._answer_or_explain(predict, is_revised=True)

    async def _send_in_order(self, message: Message) -> None:
        async with self._send_lock:
            await self.send(message)

    async def _answer_or_explain(self, predict: Callable[[], list[Prediction]], *, is_revised: bool = False) -> None:
        """Send predictions, or why there are none."""
        try:
            await self._answer(predict, is_revised=is_revised)
            return
        except HTTPException as refusal:
            message = protocol.make_error(refusal.detail, refusal.status_code)
        except Exception as error:
            log_failure("an utterance of a stream failed", error)
            message = protocol.make_error("the service failed on this utterance: its log has the details.", 500)
        await self.send(message)

    async def _answer(
        self, predict: Callable[[], list[Prediction]], *, is_final: bool = True, is_revised: bool = False
    ) -> None:
        """Send the predictions that `predict` makes in a thread."""
        begun = time.monotonic()
        for prediction in await self.service.run(predict, "stream" if is_final else INTERIM):
            seconds = time.monotonic() - begun
            words = self.words.find(prediction)
            await self.send(
                protocol.make_prediction(prediction, seconds, is_final=is_final, is_revised=is_revised, words=words)
            )
