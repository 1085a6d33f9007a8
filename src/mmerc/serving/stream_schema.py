"""The messages of a live stream as JSON Schema, which `/stream-schema.json` serves.

The client's messages are the classes of `protocol`; those of the service are described here.
"""

from typing import Any, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from mmerc.model import Prediction
from mmerc.serving import protocol
from mmerc.serving.schema import Model

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DESCRIPTION = "The text messages of WS /v1/stream. Bytes are no part of it: 1 and 16-bit little-endian mono samples at 16 kHz, or 2 and a JPEG or PNG file."


class Ready(BaseModel):
    """The service listens; the answer to `start`."""

    type: Literal["ready"]
    model: Model
    speakers: bool = Field(description="whether it tells the speakers apart by their voices")
    words: bool = Field(description="whether it recognises the words")


class Speech(BaseModel):
    """A voice was detected."""

    type: Literal["speech"]
    start: float = Field(description="seconds after the start of the stream")


class RecognisedWords(BaseModel):
    """Words that the service has recognised."""

    text: str
    start: float = Field(description="seconds after the start of the stream")
    end: float


class StreamPrediction(Prediction):
    """A row of `mmerc predict` for an utterance that has ended or goes on."""

    type: Literal["prediction"]
    seconds: float = Field(description="from the end of the utterance to the prediction")
    final: bool = Field(description="whether the utterance has ended")
    revised: bool = Field(
        description="whether it replaces the prediction with the same `utterance`, because words came late"
    )
    words: list[RecognisedWords] = Field([], description="only where the service has recognised words")


class Enrolled(BaseModel):
    """A person is known by the voice."""

    type: Literal["enrolled"]
    name: str
    seconds: float = Field(description="of speech")


class Nothing(BaseModel):
    """Nothing has arrived between the last utterance and `end`."""

    type: Literal["nothing"]


class Error(BaseModel):
    """A message or an utterance cannot be used. The stream goes on unless it is closed."""

    type: Literal["error"]
    title: str = Field(description="the name of the status")
    status: int = Field(description="as of HTTP")
    detail: str = Field(description="what is wrong, and how to fix it, in one or two sentences")


CLIENT = (protocol.Start, protocol.Text, protocol.End, protocol.Enrol, protocol.Stop)
SERVICE = (Ready, Speech, StreamPrediction, Enrolled, Nothing, Error)


def make_schema() -> dict[str, Any]:
    """The schema of every text message of a stream; `#/$defs/ClientMessage` and `#/$defs/ServiceMessage` are those of one side."""
    _, found = models_json_schema(
        [(each, "validation") for each in (*CLIENT, *SERVICE)], ref_template="#/$defs/{model}"
    )
    definitions = found["$defs"]
    for message in CLIENT:  # pydantic takes it from the class, and so finds that it can be left out
        definitions[message.__name__]["required"] = sorted({"type", *definitions[message.__name__].get("required", ())})
    for side, messages in (("ClientMessage", CLIENT), ("ServiceMessage", SERVICE)):
        definitions[side] = {"oneOf": [{"$ref": f"#/$defs/{each.__name__}"} for each in messages]}
    sides = [{"$ref": f"#/$defs/{side}"} for side in ("ClientMessage", "ServiceMessage")]
    return {
        "$schema": DIALECT,
        "title": "Messages of a live stream",
        "description": DESCRIPTION,
        "anyOf": sides,
        "$defs": definitions,
    }
