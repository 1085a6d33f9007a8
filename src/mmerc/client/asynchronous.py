"""The client for asyncio."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import httpx
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from mmerc.client import messages
from mmerc.client.messages import Call, Job, ServedModel
from mmerc.model.prediction import Prediction


class AsyncClient:
    """A client of the service at `url`. Close it, or use it in an `async with` block.

    >>> async with AsyncClient("http://127.0.0.1:8000", token="secret") as client:  # doctest: +SKIP
    ...     await client.predict_utterance("clip.mp4", text="We got the guitar!")
    Prediction(live live/0: joy 0.80 from text, audio, face)

    `timeout`: seconds for an answer. Each method raises `ServiceError` if the service refuses, and `httpx.HTTPError` if it cannot
    be reached.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        token: str | None = None,
        timeout: float = 120.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`transport`: of httpx, for tests and proxies."""
        self.url, self.token = url, token
        headers = messages.make_headers(token)
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout, transport=transport)

    async def get_model(self) -> ServedModel:
        """The model that is served."""
        return ServedModel.model_validate((await self._send(Call("GET", "/v1/model"))).json())

    async def predict_utterance(
        self,
        clip: str | Path | bytes | None = None,
        *,
        text: str | None = None,
        speaker: str = "",
        conversation: str | None = None,
        explain: bool = False,
    ) -> Prediction:
        """The prediction for one utterance: a clip (a file or its bytes), a text, or both.

        `conversation`: a name; earlier utterances of this name are read too.
        """
        call = messages.ask_utterance(clip, text, speaker, conversation, explain)
        return Prediction.model_validate((await self._send(call)).json())

    async def predict_recording(
        self,
        recording: str | Path,
        transcript: str | Path | None = None,
        *,
        explain: bool = False,
        on_progress: Callable[[Job], None] = lambda job: None,
    ) -> list[Prediction]:
        """The predictions for a recording of any length. `on_progress` is called every second."""
        job = await self.start_recording(recording, transcript, explain=explain)
        while job.is_open:
            on_progress(job)
            await asyncio.sleep(messages.POLL_SECONDS)
            job = await self.get_job(job.id)
        return messages.get_rows(job)

    async def start_recording(
        self, recording: str | Path, transcript: str | Path | None = None, *, explain: bool = False
    ) -> Job:
        """Send a recording and do not wait: `get_job` has the progress and then the rows."""
        accepted = (await self._send(messages.ask_recording(recording, transcript, explain))).json()
        return await self.get_job(accepted["id"])

    async def get_job(self, id: str) -> Job:
        """A job as it is now."""
        return Job.model_validate((await self._send(Call("GET", f"/v1/jobs/{id}"))).json())

    async def cancel_job(self, id: str) -> Job:
        """Cancel a job, or delete a finished one with its result."""
        return Job.model_validate((await self._send(Call("DELETE", f"/v1/jobs/{id}"))).json())

    @asynccontextmanager
    async def stream(
        self,
        *,
        speaker: str = "",
        segmentation: Literal["server", "client"] = "server",
        explain: bool = False,
        interim: bool = True,
        speakers: bool = True,
    ) -> AsyncIterator["AsyncStream"]:
        """A live conversation. Send sound, images and words; iterate over the service's messages in another task or between.

        `segmentation`: whether the service ends an utterance when the voice pauses, or only `end_utterance` does. `interim`:
        whether it also answers before an utterance has ended. `speakers`: whether it tells the speakers apart by their voices, if it can.
        """
        options = {
            "speaker": speaker,
            "segmentation": segmentation,
            "explain": explain,
            "interim": interim,
            "speakers": speakers,
        }
        async with connect(messages.make_stream_url(self.url)) as connection:
            await connection.send(messages.make_start(self.token, options))
            yield AsyncStream(connection)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _send(self, call: Call) -> httpx.Response:
        return messages.check_response(await self._http.request(call.method, call.path, **call.options))


class AsyncStream:
    """A live conversation (see `AsyncClient.stream`). Iteration gives the service's messages as dictionaries, until the stream ends."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send_sound(self, samples: np.ndarray) -> None:
        """Send mono samples [S] at 16 kHz: 16-bit integers, or floats in [-1, 1]."""
        await self._connection.send(messages.make_sound(samples))

    async def send_image(self, image: bytes) -> None:
        """Send an image of the camera, a JPEG or PNG file."""
        await self._connection.send(messages.IMAGE + image)

    async def send_text(
        self,
        text: str,
        *,
        speaker: str = "",
        start: float | None = None,
        end: float | None = None,
        final: bool = True,
    ) -> None:
        """Send words of the utterance that is going on, or of the one between two times in seconds of the stream."""
        await self._connection.send(messages.make_text(text, speaker, start, end, final))

    async def enrol(self, name: str, *, seconds: float = 5.0, samples: np.ndarray | None = None) -> None:
        """Name the person who speaks in the samples [S], or without them in the next `seconds` (1 to 30).

        The service answers `enrolled`, or an error, also if it tells no voices apart.
        """
        await self._connection.send(messages.make_enrol(name, seconds, samples))

    async def end_utterance(self) -> None:
        """End the utterance that is going on."""
        await self._connection.send(messages.END)

    async def stop(self) -> None:
        """End the conversation. The messages that are still to come can be read."""
        await self._connection.send(messages.STOP)

    async def receive(self, timeout: float | None = None) -> dict[str, Any]:
        """The next message; its `type` is ready, speech, prediction, enrolled or nothing.

        Raises:
            ServiceError: the service sends an error; the stream goes on unless it is closed.
            TimeoutError: none comes in `timeout` seconds.
            websockets.exceptions.ConnectionClosed: the stream has ended.
        """
        return messages.parse_message(await asyncio.wait_for(self._connection.recv(), timeout))

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        while True:
            try:
                yield await self.receive()
            except ConnectionClosed:
                return
