"""The messages of a live stream: sound, images and text come in; a prediction goes out while an utterance is going on, and when it has ended.

The client's messages are `Start`, `Text`, `End`, `Enrol` and `Stop` as JSON objects, and `Sound` and `Image` as bytes. The service's
messages are JSON objects; the functions `make_*` build them. `docs/serving.md` has tables of both.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Int16
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from mmerc.corpora.dialogue import replace_surrogates
from mmerc.inference.live_text import Words
from mmerc.model import Prediction
from mmerc.serving.problems import make_problem
from mmerc.speakers.live import MAX_ENROLMENT

SOUND, IMAGE = 1, 2  # the first byte of a binary message
MAX_SECONDS = 1e6  # of a time in a stream
MAX_SPEAKER_CHARACTERS = 100  # characters of a name; the rest is cut


class ClientMessage(BaseModel):
    """A JSON message of the client. Keys that are not known are ignored."""

    model_config = ConfigDict(frozen=True, strict=True)


class Start(ClientMessage):
    """The first message.

    `segmentation`: whether the service ends an utterance when the voice pauses, or only `End` does. `interim`: whether it answers before an
    utterance has ended. `speakers`: whether it tells the speakers apart by their voices.
    """

    type: Literal["start"] = "start"
    token: str = ""
    speaker: str = ""
    segmentation: Literal["server", "client"] = "server"
    explain: bool = False
    interim: bool = True
    speakers: bool = True


class Text(ClientMessage):
    """Text of the current utterance, or of the one between two times in seconds since the start of the stream, and its speaker if that has changed.

    `final`: whether the client's speech recogniser will not change the words any more.
    """

    type: Literal["text"] = "text"
    text: str = ""
    speaker: str = ""
    start: Annotated[float, Field(ge=0, le=MAX_SECONDS)] | None = None
    end: Annotated[float, Field(ge=0, le=MAX_SECONDS)] | None = None
    final: bool = True


class End(ClientMessage):
    """The utterance has ended, whether or not the voice pauses."""

    type: Literal["end"] = "end"


class Enrol(ClientMessage):
    """The name of a person, who speaks in `sound` or, without it, in the next `seconds`.

    `sound`: 16-bit little-endian mono samples at 16 kHz, in Base64.
    """

    type: Literal["enrol"] = "enrol"
    name: Annotated[str, Field(min_length=1, max_length=MAX_SPEAKER_CHARACTERS)]
    seconds: Annotated[float, Field(ge=1, le=MAX_ENROLMENT)] = 5.0
    sound: str = ""

    def decode_sound(self) -> Int16[np.ndarray, " S"]:
        """The samples in `sound`. Raises BadMessage: they cannot be read."""
        try:
            return np.frombuffer(base64.b64decode(self.sound, validate=True), "<i2").astype(np.int16)
        except (binascii.Error, ValueError) as error:
            raise BadMessage('"sound": not 16-bit samples in Base64.') from error


class Stop(ClientMessage):
    """The conversation has ended."""

    type: Literal["stop"] = "stop"


@dataclass(frozen=True)
class Sound:
    """Mono samples at 16 kHz, [S]."""

    samples: Int16[np.ndarray, " S"]


@dataclass(frozen=True)
class Image:
    """An image of the camera: the bytes of a JPEG or PNG file."""

    content: bytes


AnyText = Start | Text | End | Enrol | Stop
TEXT_MESSAGE: TypeAdapter[AnyText] = TypeAdapter(Annotated[AnyText, Field(discriminator="type")])
TYPES = ("start", "text", "end", "enrol", "stop")


class BadMessage(ValueError):
    """A message of the client that cannot be used; the text says why and what to send."""


def parse_text(text: str) -> AnyText:
    """The message in a JSON text.

    Raises:
        BadMessage: it is not a JSON object, its type is not known, or a value is of the wrong type.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessage("the message is not JSON: send an object with a type.") from error
    if not isinstance(values, dict) or values.get("type") not in TYPES:
        raise BadMessage(f"the message has no known type: send an object whose type is one of {', '.join(TYPES)}.")
    # JSON can hold halves of characters, which no string of pydantic can.
    values = {name: replace_surrogates(value) if isinstance(value, str) else value for name, value in values.items()}
    try:
        return TEXT_MESSAGE.validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadMessage(f'"{first["loc"][-1]}": {first["msg"][:1].lower()}{first["msg"][1:]}.') from error


def parse_bytes(content: bytes, max_bytes: int) -> Sound | Image:
    """The message in a binary frame.

    Raises:
        BadMessage: it is too long, its first byte is not known, or it has half a sample.
    """
    if len(content) > max_bytes:
        raise BadMessage(f"the message has more than {max_bytes} bytes: send smaller messages.")
    if content[:1] == bytes([IMAGE]):
        return Image(content[1:])
    if content[:1] != bytes([SOUND]):
        raise BadMessage(
            f"the first byte of the message is neither {SOUND} (sound) nor {IMAGE} (image): send one of them."
        )
    if len(content) % 2 == 0:
        raise BadMessage("the sound ends with half a sample: send complete 16-bit samples.")
    return Sound(np.frombuffer(content[1:], "<i2").astype(np.int16))


def make_ready(model: dict[str, Any], *, has_speakers: bool = False, has_words: bool = False) -> dict[str, Any]:
    """The service listens. `model`: see `schema.Model`. `has_speakers`, `has_words`: whether it finds the speakers, and recognises the words."""
    return {"type": "ready", "model": model, "speakers": has_speakers, "words": has_words}


def make_enrolled(name: str, seconds: float) -> dict[str, Any]:
    """A person is known by so many seconds of speech."""
    return {"type": "enrolled", "name": name, "seconds": round(seconds, 3)}


def make_speech(start: float) -> dict[str, Any]:
    """A voice was detected, `start` seconds after the start of the stream."""
    return {"type": "speech", "start": round(start, 3)}


def make_prediction(
    prediction: Prediction,
    seconds: float,
    *,
    is_final: bool = True,
    is_revised: bool = False,
    words: Sequence[Words] = (),
) -> dict[str, Any]:
    """The prediction for an utterance, and the seconds from its end to the prediction.

    `is_final`: the utterance has ended. `is_revised`: it replaces an earlier prediction for this utterance, because words came late.
    `words`: those that the service has recognised, with their times in seconds since the start of the stream.
    """
    added: dict[str, Any] = {"seconds": round(seconds, 3), "final": is_final, "revised": is_revised}
    if words:
        added["words"] = [{"text": each.text, "start": each.start, "end": each.end} for each in words]
    return {"type": "prediction", **prediction.to_dict(), **added}


def make_nothing() -> dict[str, Any]:
    """Nothing has arrived between the last utterance and `End`."""
    return {"type": "nothing"}


def make_error(sentence: str, status: int = 400) -> dict[str, Any]:
    """What is wrong and what to do; the stream goes on unless it is closed. The other members are those of an HTTP problem."""
    return {**make_problem(status, sentence), "type": "error"}
