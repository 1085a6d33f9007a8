"""One live stream: sound, pictures and words come in, an answer goes out whenever an utterance has ended.

Messages of the client:
    {"type": "start", "token": "...", "speaker": "Ann"}   first of all, once; both keys may be left out, and with
                                                          "turns": "client" only `end` ends an utterance; with
                                                          "explain": true answers have `influence`
    binary, first byte 1                                  sound: 16-bit little-endian mono samples at 16 kHz
    binary, first byte 2                                  a picture: JPEG or PNG
    {"type": "text", "text": "...", "speaker": "..."}     words of the utterance that goes on or has just begun
    {"type": "end"}                                       the utterance has ended, whatever the voice detector says; where
                                                          nothing has come since the last, the answer is {"type": "nothing"}
    {"type": "stop"}                                      the conversation has ended
Messages of the service:
    {"type": "ready", "model": {...}}                     it listens
    {"type": "speech", "start": 1.2}                      somebody has begun to speak, seconds from the stream's start
    {"type": "answer", ..., "seconds": 0.2}               a row of `mmerc predict`, with `missing`, and how long it took
    {"type": "error", "error": "..."}                     one sentence; the stream goes on unless it is closed
"""

import json
from typing import Any

import numpy as np
from jaxtyping import Int16

from mmerc.corpora.dialogue import replace_surrogates

SOUND, PICTURE = 1, 2
TYPES = ("start", "text", "end", "stop")


class BadMessage(ValueError):
    """A message that is not one of those above; the sentence says what it should be."""


def command(text: str) -> dict[str, Any]:
    """A text message, checked.

    Raises:
        BadMessage: it is no JSON object, or none of those known, or a value is of the wrong type.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessage("the message is no JSON: send an object with a type.") from error
    if not isinstance(found, dict) or found.get("type") not in TYPES:
        raise BadMessage(f"the message has no type of {', '.join(TYPES)}: send one of them.")
    for key in ("token", "text", "speaker", "turns"):
        if not isinstance(found.get(key, ""), str):
            raise BadMessage(f'"{key}" is no text: send a string.')
        found[key] = replace_surrogates(found.get(key, ""))
    if found["turns"] not in ("", "client"):
        raise BadMessage(f'"turns" is "{found["turns"][:20]}": send "client", or leave it out.')
    return found


def samples_of(sound: bytes) -> Int16[np.ndarray, " S"]:
    """16-bit samples as they come over the wire.

    Raises:
        BadMessage: there is half a sample.
    """
    if len(sound) % 2:
        raise BadMessage("the sound has half a sample: send whole 16-bit samples.")
    return np.frombuffer(sound, "<i2").astype(np.int16)
