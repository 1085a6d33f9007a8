"""The client that waits for each answer."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import httpx
import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from mmerc.client import messages
from mmerc.client.messages import Call, Job, ServedModel
from mmerc.model.prediction import Prediction


class Client:
    """A client of the service at `url`. Close it, or use it in a `with` block.

    >>> with Client("http://127.0.0.1:8000", token="secret") as client:  # doctest: +SKIP
    ...     client.predict_utterance("clip.mp4", text="We got the guitar!").emotion
    'joy'

    `timeout`: seconds for an answer. Each method raises `ServiceError` if the service refuses, and `httpx.HTTPError` if it cannot
    be reached.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        token: str | None = None,
        timeout: float = 120.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`transport`: of httpx, for tests and proxies."""
        self.url, self.token = url, token
        headers = messages.make_headers(token)
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)

    def get_model(self) -> ServedModel:
        """The model that is served."""
        return ServedModel.model_validate(self._send(Call("GET", "/v1/model")).json())

    def predict_utterance(
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
        return Prediction.model_validate(self._send(call).json())

    def predict_recording(
        self,
        recording: str | Path,
        transcript: str | Path | None = None,
        *,
        explain: bool = False,
        on_progress: Callable[[Job], None] = lambda job: None,
    ) -> list[Prediction]:
        """The predictions for a recording of any length. `on_progress` is called every second."""
        job = self.start_recording(recording, transcript, explain=explain)
        while job.is_open:
            on_progress(job)
            time.sleep(messages.POLL_SECONDS)
            job = self.get_job(job.id)
        return messages.get_rows(job)

    def start_recording(
        self, recording: str | Path, transcript: str | Path | None = None, *, explain: bool = False
    ) -> Job:
        """Send a recording and do not wait: `get_job` has the progress and then the rows."""
        accepted = self._send(messages.ask_recording(recording, transcript, explain)).json()
        return self.get_job(accepted["id"])

    def get_job(self, id: str) -> Job:
        """A job as it is now."""
        return Job.model_validate(self._send(Call("GET", f"/v1/jobs/{id}")).json())

    def cancel_job(self, id: str) -> Job:
        """Cancel a job, or delete a finished one with its result."""
        return Job.model_validate(self._send(Call("DELETE", f"/v1/jobs/{id}")).json())

    @contextmanager
    def stream(
        self,
        *,
        speaker: str = "",
        segmentation: Literal["server", "client"] = "server",
        explain: bool = False,
        interim: bool = True,
        speakers: bool = True,
    ) -> Iterator["Stream"]:
        """A live conversation. Send sound, images and words; iterate over the service's messages in another thread or between.

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
        with connect(messages.make_stream_url(self.url)) as connection:
            connection.send(messages.make_start(self.token, options))
            yield Stream(connection)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, call: Call) -> httpx.Response:
        return messages.check_response(self._http.request(call.method, call.path, **call.options))


class Stream:
    """A live conversation (see `Client.stream`). Iteration gives the service's messages as dictionaries, until the stream ends."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def send_sound(self, samples: np.ndarray) -> None:
        """Send mono samples [S] at 16 kHz: 16-bit integers, or floats in [-1, 1]."""
        self._connection.send(messages.make_sound(samples))

    def send_image(self, image: bytes) -> None:
        """Send an image of the camera, a JPEG or PNG file."""
        self._connection.send(messages.IMAGE + image)

    def send_text(
        self,
        text: str,
        *,
        speaker: str = "",
        start: float | None = None,
        end: float | None = None,
        final: bool = True,
    ) -> None:
        """Send words of the utterance that is going on, or of the one between two times in seconds of the stream."""
        self._connection.send(messages.make_text(text, speaker, start, end, final))

    def enrol(self, name: str, *, seconds: float = 5.0, samples: np.ndarray | None = None) -> None:
        """Name the person who speaks in the samples [S], or without them in the next `seconds` (1 to 30).

        The service answers `enrolled`, or an error, also if it tells no voices apart.
        """
        self._connection.send(messages.make_enrol(name, seconds, samples))

    def end_utterance(self) -> None:
        """End the utterance that is going on."""
        self._connection.send(messages.END)

    def stop(self) -> None:
        """End the conversation. The messages that are still to come can be read."""
        self._connection.send(messages.STOP)

    def receive(self, timeout: float | None = None) -> dict[str, Any]:
        """The next message; its `type` is ready, speech, prediction, enrolled or nothing.

        Raises:
            ServiceError: the service sends an error; the stream goes on unless it is closed.
            TimeoutError: none comes in `timeout` seconds.
            websockets.exceptions.ConnectionClosed: the stream has ended.
        """
        return messages.parse_message(self._connection.recv(timeout))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while True:
            try:
                yield self.receive()
            except ConnectionClosed:
                return
