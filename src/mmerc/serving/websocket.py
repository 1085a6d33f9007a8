"""The WebSocket of a live stream; `protocol` defines its messages."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import numpy as np
from fastapi import APIRouter, HTTPException, WebSocket, WebSocketDisconnect

from mmerc.corpora import Utterance
from mmerc.inference import Conversation
from mmerc.inference.live_segmenter import LiveSegmenter
from mmerc.inference.streaming import MAX_REWIND
from mmerc.model import Prediction
from mmerc.serving import protocol
from mmerc.serving.access_control import is_valid_token
from mmerc.serving.logs import log_failure
from mmerc.serving.problems import REASON
from mmerc.serving.protocol import BadMessage
from mmerc.serving.service import Service
from mmerc.serving.stream_words import LATE_SECONDS, Recognition, StreamWords
from mmerc.speakers.live import Enrolment

REFUSED, BUSY, BAD, RESTART = 1008, 1013, 1003, 1012  # close codes of RFC 6455
STATUSES = {REFUSED: 401, BUSY: 503, BAD: 400}
MAX_REASON = 120  # characters of the reason of a close frame
MAX_WAITING = 8  # utterances of one stream
# The client has left, perhaps during a prediction; starlette raises a RuntimeError then.
DISCONNECTED = (WebSocketDisconnect, RuntimeError)


def create_router(service: Service) -> APIRouter:
    """The route `/v1/stream`."""
    router = APIRouter()

    @router.websocket("/v1/stream")
    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        with suppress(*DISCONNECTED):
            await Stream(socket, service).run()

    return router


class Stream:
    """One live stream, from its first message to its last."""

    def __init__(self, socket: WebSocket, service: Service) -> None:
        self.socket, self.service, self.limits = socket, service, service.limits
        self.tasks: set[asyncio.Task[None]] = set()
        self.send_lock = asyncio.Lock()  # predictions are sent in the order of the utterances
        self.is_speaking = False
        self.stop_event = asyncio.Event()  # the service stops
        self.recent: deque[Utterance] = deque(maxlen=MAX_REWIND)  # the last ones that were predicted
        self.words = StreamWords(service.live_words)
        self.late_tasks: set[asyncio.Task[None]] = set()  # that wait for words; they delay nothing
        self.last_interim = 0.0  # seconds since the start of the stream

    async def run(self) -> None:
        """Serve the stream until the client stops, leaves, or sends nothing for too long."""
        start = await self._receive_start()
        if start is None:
            return
        obstacle = self.service.find_obstacle()
        if obstacle:
            await self._refuse(BUSY, obstacle)
            return
        if self.service.streams >= self.limits.max_streams:
            await self._refuse(BUSY, "there are too many live streams: connect again later.")
            return
        self.service.stop_events.add(self.stop_event)
        try:
            await self._serve(start)
        finally:
            self.service.stop_events.discard(self.stop_event)
            for task in self.tasks | self.late_tasks:
                task.cancel()

    async def _receive_start(self) -> protocol.Start | None:
        """The first message, if it is a valid start with the right token."""
        message = await self._receive(self.limits.start_timeout_seconds)
        if message is None:
            return None
        try:
            start = None if message.get("bytes") is not None else protocol.parse_text(message.get("text") or "")
            if not isinstance(start, protocol.Start):
                raise BadMessage('the first message is not the start: send {"type": "start"} first.')
        except BadMessage as error:
            await self._refuse(BAD, str(error))
            return None
        if not is_valid_token(start.token, self.service.token):
            await self._refuse(REFUSED, "the token is missing or wrong.")
            return None
        return start

    async def _serve(self, start: protocol.Start) -> None:
        segmenter = await asyncio.to_thread(
            LiveSegmenter,
            start.speaker[: protocol.MAX_SPEAKER_CHARACTERS],
            detect_pauses=start.segmentation == "server",
            max_characters=self.limits.max_text_characters,
            speakers=self.service.follow_speakers() if start.speakers else None,
        )
        conversation = self.service.predictor.stream(explain=start.explain)
        await self.socket.send_json(
            protocol.make_ready(
                self.service.describe_model(),
                has_speakers=segmenter.speakers is not None,
                has_words=self.service.live_words is not None,
            )
        )
        started = time.monotonic()
        while (message := await self._receive(self.limits.idle_timeout_seconds)) is not None:
            try:
                utterances, is_last = await self._handle(message, segmenter, conversation, time.monotonic() - started)
            except BadMessage as error:
                await self.socket.send_json(protocol.make_error(str(error)))
                continue
            for utterance in utterances:
                self._start_task(self._predict(utterance, conversation))
            if is_last:
                break
            if start.interim and (running := self._find_due_interim(segmenter)) is not None:
                self._start_task(self._predict_interim(running, conversation))
        if self.stop_event.is_set():
            for utterance in await asyncio.to_thread(segmenter.finish, force=False):
                self._start_task(self._predict(utterance, conversation))
        while self.tasks or (self.late_tasks and not self.stop_event.is_set()):
            await asyncio.wait(self.tasks | self.late_tasks)
        await self.socket.close(RESTART if self.stop_event.is_set() else 1000)

    async def _receive(self, timeout_seconds: float) -> dict[str, Any] | None:
        """The next message; `None` when the client has left or has sent nothing for so long, or the service stops."""
        receiving, stopping = (
            asyncio.ensure_future(self.socket.receive()),
            asyncio.ensure_future(self.stop_event.wait()),
        )
        try:
            await asyncio.wait({receiving, stopping}, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
            if receiving.done():
                message = receiving.result()
                return None if message["type"] == "websocket.disconnect" else dict(message)
        finally:
            receiving.cancel()
            stopping.cancel()
        if not self.stop_event.is_set():
            sentence = f"no message arrived for {timeout_seconds:g} s: the stream is closed, connect again."
            await self.socket.send_json(protocol.make_error(sentence, 408))
        return None

    async def _handle(
        self, message: dict[str, Any], segmenter: LiveSegmenter, conversation: Conversation, seconds: float
    ) -> tuple[list[Utterance], bool]:
        """The utterances that end with a message, and whether it is the last one. `seconds`: the time since the start of the stream.

        Raises:
            BadMessage: the message cannot be used.
        """
        content = message.get("bytes")
        if content is not None:
            return await self._handle_bytes(content, segmenter, seconds), False
        parsed = protocol.parse_text(message.get("text") or "")
        if isinstance(parsed, protocol.Start):
            raise BadMessage("the stream has started already: send sound, images or text.")
        if isinstance(parsed, protocol.Text):
            try:
                revised = segmenter.add_text(
                    parsed.text,
                    parsed.speaker[: protocol.MAX_SPEAKER_CHARACTERS],
                    start=parsed.start,
                    end=parsed.end,
                    is_final=parsed.final,
                )
            except ValueError as error:
                raise BadMessage(str(error)) from error
            for utterance in revised:
                self._start_task(self._revise(utterance, conversation))
            return [], False
        if isinstance(parsed, protocol.Enrol):
            await self._enrol(parsed, segmenter)
            return [], False
        if isinstance(parsed, protocol.Stop):
            return await asyncio.to_thread(segmenter.finish, force=False), True
        utterances = await asyncio.to_thread(segmenter.finish)
        if not utterances:  # so that a client gets one message for each `End`
            self._start_task(self._send_in_order(protocol.make_nothing()))
        return utterances, False

    async def _handle_bytes(self, content: bytes, segmenter: LiveSegmenter, seconds: float) -> list[Utterance]:
        parsed = protocol.parse_bytes(content, self.limits.max_message_bytes)
        if isinstance(parsed, protocol.Image):
            segmenter.add_image(parsed.content, seconds)
            return []
        utterances = await asyncio.to_thread(segmenter.add_audio, parsed.samples)
        start = segmenter.speech_start
        if start is not None and not self.is_speaking:
            await self.socket.send_json(protocol.make_speech(start))
        self.is_speaking = start is not None
        if segmenter.speakers is not None:
            for enrolment in segmenter.speakers.take_enrolments():
                await self._report(enrolment)
        return utterances

    async def _enrol(self, message: protocol.Enrol, segmenter: LiveSegmenter) -> None:
        """Enrol a person from a sample, or begin to, with the next seconds of the stream."""
        speakers, name = segmenter.speakers, message.name.strip()
        if speakers is None:
            raise BadMessage(
                "the speakers of this stream are not told apart, so nobody can be enrolled: send their names as speaker."
            )
        if not name:
            raise BadMessage('"name": empty: send the name of the person.')
        if message.sound:
            samples = message.decode_sound().astype(np.float32) / 32_768
            await self._report(await asyncio.to_thread(speakers.enrol, name, samples))
        else:
            speakers.enrol_next(name, message.seconds)

    async def _report(self, enrolment: Enrolment) -> None:
        """Send what came of an enrolment."""
        if enrolment.problem:
            await self.socket.send_json(protocol.make_error(enrolment.problem))
        else:
            await self.socket.send_json(protocol.make_enrolled(enrolment.name, enrolment.seconds))

    def _start_task(self, work: Coroutine[Any, Any, None], *, is_late: bool = False) -> None:
        tasks = self.late_tasks if is_late else self.tasks
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def _find_due_interim(self, segmenter: LiveSegmenter) -> Utterance | None:
        """The utterance that is going on, if it is time for an interim answer and nothing else of this stream is being computed."""
        interval, now = self.service.interim_seconds, segmenter.sound_end
        if not interval or self.tasks or self.service.is_busy:
            return None
        running = segmenter.peek()
        if running is None or now - max(self.last_interim, running.start or 0.0) < interval:
            return None
        self.last_interim = now
        return running

    async def _predict_interim(self, running: Utterance, conversation: Conversation) -> None:
        """Predict the utterance that is going on, with the words that are recognised so far."""
        heard = self.words.add_to_running(running)

        def predict() -> list[Prediction]:
            return [conversation.peek(heard)]

        async with self.send_lock:
            with suppress(HTTPException):  # the next one may be in time
                await self._answer(predict, is_final=False)

    async def _predict(self, utterance: Utterance, conversation: Conversation) -> None:
        """Predict an utterance and send the prediction, after those of earlier utterances.

        It waits a moment for recognised words. If they come later, they correct the prediction.
        """
        if len(self.tasks) > MAX_WAITING:
            await self._send(
                protocol.make_error("too many utterances of this stream are waiting: one is not predicted.", 429)
            )
            return
        deadline = time.monotonic() + self.limits.words_wait_seconds
        recognition = self.words.ask(utterance)
        async with self.send_lock:
            found: Utterance | None = utterance
            if recognition is not None:
                found = await self.words.complete(utterance, recognition, max(0.0, deadline - time.monotonic()))
            complete = found or utterance

            def predict() -> list[Prediction]:
                prediction = conversation.push(complete)
                self.recent.append(complete)
                return [prediction]

            await self._answer_or_explain(predict)
        if found is None and recognition is not None:
            self._start_task(self._correct(utterance, recognition, conversation), is_late=True)

    async def _correct(self, utterance: Utterance, recognition: Recognition, conversation: Conversation) -> None:
        """Predict an utterance again when its words are recognised, unless the client has sent some."""
        found = await self.words.complete(utterance, recognition, LATE_SECONDS)
        if found is not None and found.text:
            await self._revise(found, conversation, is_recognised=True)

    async def _revise(self, utterance: Utterance, conversation: Conversation, *, is_recognised: bool = False) -> None:
        """Predict an utterance again, whose words came late, and those after it, which read them.

        Words that the client has sent stay, if the new ones are recognised here.
        """

        def predict() -> list[Prediction]:
            index = next((n for n, each in enumerate(self.recent) if each.start == utterance.start), None)
            if index is None or (is_recognised and self.recent[index].text):
                return []
            later = [utterance, *list(self.recent)[index + 1 :]]
            conversation.rewind(len(later))
            for _ in later:
                self.recent.pop()
            predictions = []
            for each in later:
                predictions.append(conversation.push(each))
                self.recent.append(each)
            return predictions

        async with self.send_lock:
            await self._answer_or_explain(predict, is_revised=True)

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
        await self._send(message)

    async def _answer(
        self, predict: Callable[[], list[Prediction]], *, is_final: bool = True, is_revised: bool = False
    ) -> None:
        """Send the predictions that `predict` makes in a thread."""
        ended = time.monotonic()
        for prediction in await self.service.run(predict, "stream" if is_final else "interim"):
            seconds = time.monotonic() - ended
            await self._send(
                protocol.make_prediction(
                    prediction,
                    seconds,
                    is_final=is_final,
                    is_revised=is_revised,
                    words=self.words.find(prediction),
                )
            )

    async def _send_in_order(self, message: dict[str, Any]) -> None:
        """Send a message after the predictions of earlier utterances."""
        async with self.send_lock:
            await self._send(message)

    async def _send(self, message: dict[str, Any]) -> None:
        with suppress(*DISCONNECTED):
            await self.socket.send_json(message)

    async def _refuse(self, code: int, sentence: str) -> None:
        self.socket.scope[REASON] = sentence
        await self.socket.send_json(protocol.make_error(sentence, STATUSES[code]))
        await self.socket.close(code, sentence[:MAX_REASON])
