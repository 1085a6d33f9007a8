"""The WebSocket: `stream` says what its messages are."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, WebSocket, WebSocketDisconnect

from mmerc.corpora import Utterance
from mmerc.inference.live_segmenter import Ear
from mmerc.inference.streaming import Conversation
from mmerc.serving.gate import same_place, same_token
from mmerc.serving.protocol import PICTURE, SOUND, BadMessage, command, samples_of

if TYPE_CHECKING:
    from mmerc.serving.app import Service

log = logging.getLogger("mmerc")
REFUSED, BUSY, BAD = 1008, 1013, 1003  # close codes of RFC 6455
MOST_WAITING = 8  # utterances of one stream


async def live(socket: WebSocket, service: "Service") -> None:
    """One stream from its first message to its last."""
    if not same_place(socket.headers):
        await socket.close(REFUSED, "this page may not use the service")
        return
    await socket.accept()
    stream = Stream(socket, service)
    # Gone, perhaps in the middle of an answer; a RuntimeError is starlette's word for that.
    with suppress(WebSocketDisconnect, RuntimeError):
        start = await stream.started()
        if start is None:
            return
        if service.connections >= service.limits.connections:
            await stream.refuse(BUSY, "there are too many streams: come again later.")
            return
        service.connections += 1
        try:
            await stream.run(start)
        finally:
            service.connections -= 1


class Stream:
    def __init__(self, socket: WebSocket, service: "Service") -> None:
        self.socket, self.service = socket, service
        self.began = time.monotonic()
        self.answers: set[asyncio.Task[None]] = set()
        self.order = asyncio.Lock()  # first come, first served
        self.speaking = False

    async def run(self, start: dict[str, Any]) -> None:
        """Listen until the client stops or is silent for too long; then answer what is still open."""
        try:
            ear = await asyncio.to_thread(
                Ear,
                start["speaker"][:100],
                detecting=start["turns"] != "client",
                most_characters=self.service.limits.text_characters,
            )
            talk = self.service.predictor.stream(explain=start.get("explain") is True)
            await self.socket.send_json({"type": "ready", "model": self.service.model()})
            self.began = time.monotonic()
            while await self._message(ear, talk):
                pass
            if self.answers:
                await asyncio.wait(self.answers)
            await self.socket.close()
        finally:
            for task in self.answers:
                task.cancel()

    async def started(self) -> dict[str, Any] | None:
        """The first message, where it is what it should be."""
        message = await self._received(self.service.limits.start_seconds)
        if message is None:
            return None
        try:
            if message.get("bytes") is not None:
                raise BadMessage("the first message is not the start: send it.")
            start = command(message.get("text") or "")
            if start["type"] != "start":
                raise BadMessage("the first message is not the start: send it.")
        except BadMessage as error:
            await self.refuse(BAD, str(error))
            return None
        if not same_token(start["token"], self.service.token):
            await self.refuse(REFUSED, "the token is missing or wrong.")
            return None
        return start

    async def _received(self, seconds: float) -> dict[str, Any] | None:
        """The next message; `None` when the client is gone or has been silent for so long."""
        try:
            message = await asyncio.wait_for(self.socket.receive(), seconds)
        except TimeoutError:
            await self.socket.send_json(
                {"type": "error", "error": f"nothing came for {seconds:g} s: the stream is closed."}
            )
            return None
        return None if message["type"] == "websocket.disconnect" else dict(message)

    async def _message(self, ear: Ear, talk: Conversation) -> bool:
        message = await self._received(self.service.limits.idle_seconds)
        if message is None:
            return False
        try:
            content = message.get("bytes")
            if content is not None:
                self._answer(await self._sensed(ear, content), talk)
                return True
            said = command(message.get("text") or "")
            if said["type"] == "text":
                try:
                    ear.read(said["text"], said["speaker"][:100])
                except ValueError as error:
                    raise BadMessage(str(error)) from error
            elif said["type"] in ("end", "stop"):
                turns = ear.finish(asked=said["type"] == "end")
                self._answer(turns, talk)
                if said["type"] == "end" and not turns:  # whoever awaits an answer to each end has one
                    self._later(self._nothing())
            elif said["type"] == "start":
                raise BadMessage("the stream has started already: send sound, pictures or text.")
            return bool(said["type"] != "stop")
        except BadMessage as error:
            await self.socket.send_json({"type": "error", "error": str(error)})
            return True

    async def _sensed(self, ear: Ear, content: bytes) -> list[Utterance]:
        kind = content[:1]
        if len(content) > self.service.limits.message_bytes:
            raise BadMessage(f"the message has more than {self.service.limits.message_bytes} bytes: send less at once.")
        if kind == bytes([PICTURE]):
            ear.see(content[1:], time.monotonic() - self.began)
            return []
        if kind != bytes([SOUND]):
            raise BadMessage(f"the first byte is neither {SOUND} (sound) nor {PICTURE} (a picture): send one of them.")
        ended = await asyncio.to_thread(ear.hear, samples_of(content[1:]))
        since = ear.speaking_since
        if since is not None and not self.speaking:
            await self.socket.send_json({"type": "speech", "start": round(since, 3)})
        self.speaking = since is not None
        return ended

    def _answer(self, turns: list[Utterance], talk: Conversation) -> None:
        for turn in turns:
            self._later(self._answered(turn, talk))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.answers.add(task)
        task.add_done_callback(self.answers.discard)

    async def _nothing(self) -> None:
        async with self.order:  # behind the answers to what came before
            with suppress(WebSocketDisconnect, RuntimeError):
                await self.socket.send_json({"type": "nothing"})

    async def _answered(self, turn: Utterance, talk: Conversation) -> None:
        began = time.monotonic()
        try:
            if len(self.answers) > MOST_WAITING:
                raise HTTPException(429, "too many utterances of this stream are waiting: one is left out.")
            async with self.order:
                row = await self.service.answered(lambda: talk.push(self.service.with_words(turn)), "stream")
            said = {"type": "answer", **row, "seconds": round(time.monotonic() - began, 3)}
        except HTTPException as refusal:
            said = {"type": "error", "error": refusal.detail}
        except Exception:
            log.exception("an utterance of a stream failed")
            said = {"type": "error", "error": "the service failed on this utterance: its log says where."}
        with suppress(WebSocketDisconnect, RuntimeError):  # nobody listens any more
            await self.socket.send_json(said)

    async def refuse(self, code: int, sentence: str) -> None:
        await self.socket.send_json({"type": "error", "error": sentence})
        await self.socket.close(code, sentence[:120])
