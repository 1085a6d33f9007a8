"""What the client sends and what it gets, the same for `Client` and `AsyncClient`."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx
import numpy as np
from jaxtyping import Float, Int16
from pydantic import BaseModel, ConfigDict

from mmerc.errors import MmercError
from mmerc.model.prediction import Prediction

SOUND, IMAGE = b"\x01", b"\x02"  # first byte of a binary message of a stream
POLL_SECONDS = 1.0
STREAM_PATH = "/v1/stream"
END, STOP = '{"type": "end"}', '{"type": "stop"}'  # messages of a stream


class ServiceError(MmercError):
    """The service refuses a request. `status`: of HTTP, or of the problem in a stream; the text is the service's sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Answer(BaseModel):
    """A body of the service. Members that this version does not know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Job(Answer):
    """A recording that is processed. `done` of `total` utterances are predicted; `rows` are there when the state is `done`."""

    id: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    done: int
    total: int
    rows: list[Prediction]
    problems: list[str]
    error: str

    @property
    def is_open(self) -> bool:
        return self.state in ("waiting", "running")


class ServedModel(Answer):
    """The model of a service."""

    name: str
    trained_on: str
    origin: str
    warning: str
    coverage: float | None
    labels: list[str]
    modalities: list[str]
    version: str


@dataclass(frozen=True)
class Call:
    """A request: what `httpx` sends."""

    method: str
    path: str
    data: dict[str, str] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of `httpx.Client.request`."""
        return {"data": self.data or None, "files": self.files or None}


def ask_utterance(
    clip: str | Path | bytes | None, text: str | None, speaker: str, conversation: str | None, explain: bool
) -> Call:
    """The request for one utterance. `clip`: a file, or its bytes."""
    data = {"speaker": speaker, "explain": json.dumps(explain)}
    data |= {name: value for name, value in (("text", text), ("conversation", conversation)) if value is not None}
    return Call("POST", "/v1/utterances", data, {} if clip is None else {"clip": read_file(clip, "clip")})


def ask_recording(recording: str | Path, transcript: str | Path | None, explain: bool) -> Call:
    """The request that starts a job."""
    files = {"recording": read_file(recording, "recording")}
    if transcript is not None:
        files["transcript"] = read_file(transcript, "transcript")
    return Call("POST", "/v1/conversations", {"explain": json.dumps(explain)}, files)


def read_file(file: str | Path | bytes, name: str) -> tuple[str, bytes]:
    """Name and content of a file to upload."""
    return (name, file) if isinstance(file, bytes) else (Path(file).name, Path(file).read_bytes())


def check_response(response: httpx.Response) -> httpx.Response:
    """The same response.

    Raises:
        ServiceError: it is a refusal.
    """
    if response.is_success:
        return response
    try:
        sentence = str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        sentence = response.text[:500] or response.reason_phrase
    raise ServiceError(response.status_code, sentence)


def get_rows(job: Job) -> list[Prediction]:
    """The rows of a job that has ended.

    Raises:
        ServiceError: it failed or was cancelled.
    """
    if job.state != "done":
        raise ServiceError(422, job.error or "the recording was cancelled.")
    return job.rows


def make_headers(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def make_stream_url(url: str) -> str:
    """The address of a stream of the service at `url`.

    >>> make_stream_url("https://emo.example.org/prefix/")
    'wss://emo.example.org/prefix/v1/stream'
    """
    return "ws" + url.rstrip("/").removeprefix("http") + STREAM_PATH


def make_start(token: str | None, options: Mapping[str, Any]) -> str:
    """The first message of a stream."""
    return json.dumps({"type": "start", "token": token or "", **options})


def make_sound(samples: Int16[np.ndarray, " S"] | Float[np.ndarray, " S"]) -> bytes:
    """A message with mono samples at 16 kHz: 16-bit integers, or floats in [-1, 1]."""
    return SOUND + encode_samples(samples)


def encode_samples(samples: Int16[np.ndarray, " S"] | Float[np.ndarray, " S"]) -> bytes:
    """16-bit little-endian samples."""
    if samples.dtype.kind == "f":
        samples = (np.clip(samples, -1, 1) * 32767).round()
    return samples.astype("<i2").tobytes()


def make_enrol(
    name: str, seconds: float, samples: Int16[np.ndarray, " S"] | Float[np.ndarray, " S"] | None = None
) -> str:
    """A message that names the person who speaks in the samples, or without them in the next `seconds`."""
    body: dict[str, Any] = {"type": "enrol", "name": name, "seconds": seconds}
    if samples is not None:
        body["sound"] = base64.b64encode(encode_samples(samples)).decode()
    return json.dumps(body)


def make_text(text: str, speaker: str, start: float | None, end: float | None, final: bool) -> str:
    """A message with words of the utterance that is going on, or of the one between two times in seconds."""
    body: dict[str, Any] = {"type": "text", "text": text, "speaker": speaker, "final": final}
    return json.dumps(body | {name: time for name, time in (("start", start), ("end", end)) if time is not None})


def parse_message(text: str | bytes) -> dict[str, Any]:
    """A message of the service; `type` says which.

    Raises:
        ServiceError: it is one of the type `error`.
    """
    body: dict[str, Any] = json.loads(text)
    if body.get("type") == "error":
        raise ServiceError(int(body.get("status", 400)), str(body.get("detail", "")))
    return body
