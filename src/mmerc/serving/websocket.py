"""The WebSocket of a live stream: its beginning, its messages and its end. `protocol` defines the messages."""

import asyncio
import time
from contextlib import suppress
from typing import Any

import numpy as np
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from mmerc.corpora import Utterance
from mmerc.inference.live_segmenter import LiveSegmenter
from mmerc.serving import protocol
from mmerc.serving.access_control import is_valid_token
from mmerc.serving.problems import REASON
from mmerc.serving.protocol import BadMessage
from mmerc.serving.service import Service
from mmerc.serving.stream_predictions import StreamPredictions
from mmerc.speakers.live import Enrolment

REFUSED, BUSY, BAD, RESTART = 1008, 1013, 1003, 1012  # close codes of RFC 6455
STATUSES = {REFUSED: 401, BUSY: 503, BAD: 400}
PREPARE_PAUSE = 0.2  # seconds of a pause after which an utterance that will probably end here is prepared
MAX_REASON = 120  # characters of the reason of a close frame
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
        self.is_speaking = self.is_pausing = False
        self.stop_event = asyncio.Event()  # the service stops
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
        conversation = self.service.predictor.stream(explain=start.explain)
        predictions = StreamPredictions(self.service, conversation, self._send)
        self.service.stop_events.add(self.stop_event)
        try:
            await self._serve(start, predictions)
        finally:
            self.service.stop_events.discard(self.stop_event)
            predictions.cancel()

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

    async def _serve(self, start: protocol.Start, predictions: StreamPredictions) -> None:
        segmenter = await asyncio.to_thread(
            LiveSegmenter,
            start.speaker[: protocol.MAX_SPEAKER_CHARACTERS],
            detect_pauses=start.segmentation == "server",
            max_characters=self.limits.max_text_characters,
            speakers=self.service.follow_speakers() if start.speakers else None,
        )
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
                utterances, is_last = await self._handle(message, segmenter, predictions, time.monotonic() - started)
            except BadMessage as error:
                await self.socket.send_json(protocol.make_error(str(error)))
                continue
            for utterance in utterances:
                predictions.predict(utterance)
            if is_last:
                break
            if start.interim and predictions.is_idle and (running := self._find_due_interim(segmenter)) is not None:
                predictions.predict_running(running)
        if self.stop_event.is_set():
            for utterance in await asyncio.to_thread(segmenter.finish, force=False):
                predictions.predict(utterance)
        await predictions.finish(wait_for_words=not self.stop_event.is_set())
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
        self, message: dict[str, Any], segmenter: LiveSegmenter, predictions: StreamPredictions, seconds: float
    ) -> tuple[list[Utterance], bool]:
        """The utterances that end with a message, and whether it is the last one. `seconds`: the time since the start of the stream.

        Raises:
            BadMessage: the message cannot be used.
        """
        content = message.get("bytes")
        if content is not None:
            return await self._handle_bytes(content, segmenter, predictions, seconds), False
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
                predictions.revise(utterance)
            return [], False
        if isinstance(parsed, protocol.Enrol):
            await self._enrol(parsed, segmenter)
            return [], False
        if isinstance(parsed, protocol.Stop):
            return await asyncio.to_thread(segmenter.finish, force=False), True
        utterances = await asyncio.to_thread(segmenter.finish)
        if not utterances:  # so that a client gets one message for each `End`
            predictions.send_in_order(protocol.make_nothing())
        return utterances, False

    async def _handle_bytes(
        self, content: bytes, segmenter: LiveSegmenter, predictions: StreamPredictions, seconds: float
    ) -> list[Utterance]:
        parsed = protocol.parse_bytes(content, self.limits.max_message_bytes)
        if isinstance(parsed, protocol.Image):
            segmenter.add_image(parsed.content, seconds)
            predictions.look_ahead(segmenter.peek_images())
            return []
        utterances = await asyncio.to_thread(segmenter.add_audio, parsed.samples)
        is_pausing = segmenter.pause >= PREPARE_PAUSE
        if is_pausing and not self.is_pausing and (ending := segmenter.peek_end()) is not None:
            predictions.prepare(ending)
        self.is_pausing = is_pausing
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

    def _find_due_interim(self, segmenter: LiveSegmenter) -> Utterance | None:
        """The utterance that is going on, if it is time for an interim answer and the service is not busy."""
        interval, now = self.service.interim_seconds, segmenter.sound_end
        if not interval or self.service.threads.is_busy:
            return None
        running = segmenter.peek()
        if running is None or now - max(self.last_interim, running.start or 0.0) < interval:
            return None
        self.last_interim = now
        return running

    async def _send(self, message: dict[str, Any]) -> None:
        with suppress(*DISCONNECTED):
            await self.socket.send_json(message)

    async def _refuse(self, code: int, sentence: str) -> None:
        self.socket.scope[REASON] = sentence
        await self.socket.send_json(protocol.make_error(sentence, STATUSES[code]))
        await self.socket.close(code, sentence[:MAX_REASON])
