"""The messages of a live stream, without a network."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmerc.model import Prediction
from mmerc.serving.protocol import (
    BadMessage,
    End,
    Image,
    Sound,
    Start,
    Stop,
    Text,
    make_error,
    make_nothing,
    make_prediction,
    make_ready,
    make_speech,
    parse_bytes,
    parse_text,
)

JSON = st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))


def test_messages_of_the_client() -> None:
    assert parse_text('{"type": "start"}') == Start()
    start = '{"type": "start", "token": "t", "speaker": "Ann", "segmentation": "client", "explain": true, "more": 1}'
    assert parse_text(start) == Start(token="t", speaker="Ann", segmentation="client", explain=True)
    assert parse_text('{"type": "text", "text": "a\\ud800"}') == Text(text="a?")
    assert parse_text('{"type": "end"}') == End() and parse_text('{"type": "stop"}') == Stop()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "the message is not JSON: send an object with a type."),
        ("[" * 100_000, "the message is not JSON: send an object with a type."),
        ("[]", "the message has no known type: send an object whose type is one of start, text, end, enrol, stop."),
        ('{"type": ["text"]}', "the message has no known type: send an object whose type is one of start, text, end, enrol, stop."),
        ('{"type": "text", "text": 3}', '"text": input should be a valid string.'),
        ('{"type": "start", "explain": "yes"}', '"explain": input should be a valid boolean.'),
        ('{"type": "start", "segmentation": "x"}', "\"segmentation\": input should be 'server' or 'client'."),
    ],
)  # fmt: skip
def test_a_bad_text_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(BadMessage) as error:
        parse_text(text)
    assert str(error.value) == sentence


@given(st.text() | JSON.map(json.dumps) | st.dictionaries(st.sampled_from(["type", "text"]), JSON).map(json.dumps))
@settings(max_examples=50, deadline=None)
def test_any_text_is_a_message_or_refused(text: str) -> None:
    try:
        assert parse_text(text).type in ("start", "text", "end", "stop")
    except BadMessage as refusal:
        assert str(refusal).endswith(".")


def test_binary_messages() -> None:
    sound = parse_bytes(b"\x01" + np.array([1, -2], "<i2").tobytes(), 100)
    assert isinstance(sound, Sound) and sound.samples.tolist() == [1, -2] and sound.samples.dtype == np.int16
    assert parse_bytes(b"\x02abc", 100) == Image(b"abc")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the first byte of the message is neither 1 (sound) nor 2 (image): send one of them."),
        (b"\x03a", "the first byte of the message is neither 1 (sound) nor 2 (image): send one of them."),
        (b"\x01abc", "the sound ends with half a sample: send complete 16-bit samples."),
        (b"\x02" + bytes(10), "the message has more than 10 bytes: send smaller messages."),
    ],
)
def test_bad_bytes_are_one_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(BadMessage) as error:
        parse_bytes(content, 10)
    assert str(error.value) == sentence


def test_messages_of_the_service() -> None:
    prediction = Prediction(
        split="live",
        dialogue="a",
        utterance=0,
        emotion="joy",
        confidence=1.0,
        probabilities={"joy": 1.0},
        modalities=(),
    )
    assert make_prediction(prediction, 0.12345) == {
        "type": "prediction",
        **prediction.to_dict(),
        "seconds": 0.123,
        "final": True,
        "revised": False,
    }
    assert make_ready({"labels": []}) == {
        "type": "ready",
        "model": {"labels": []},
        "speakers": False,
        "words": False,
    }
    assert make_speech(1.23456) == {"type": "speech", "start": 1.235}
    assert make_nothing() == {"type": "nothing"} and make_error("no.")["detail"] == "no."
