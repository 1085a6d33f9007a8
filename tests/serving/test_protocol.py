"""A live stream: what comes in, utterance by utterance, and what goes out."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.websockets import WebSocketDisconnect

from mmerc import Predictor
from mmerc.media import SAMPLE_RATE
from mmerc.serving import Limits, create_app
from mmerc.serving.protocol import BadMessage, command


@pytest.fixture(scope="module")
def client(small_run: Path) -> TestClient:
    limits = Limits(connections=1, idle_seconds=20, message_bytes=100_000, text_characters=100)
    return TestClient(create_app(Predictor.load(small_run / "model"), limits=limits))


def sound(seconds: float, level: float = 0.0) -> bytes:
    return np.full(int(seconds * SAMPLE_RATE), level * 32767, "<i2").tobytes()


def picture(width: int = 64, height: int = 48) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "JPEG")
    return buffer.getvalue()


@given(
    st.text()
    | st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)).map(
        json.dumps
    )
)
@settings(max_examples=50, deadline=None)
def test_any_text_is_a_command_or_refused(text: str) -> None:
    try:
        assert command(text)["type"] in ("start", "text", "end", "stop")
    except BadMessage as refusal:
        assert str(refusal).endswith(".")


def test_deep_json_is_refused() -> None:
    with pytest.raises(BadMessage):
        command("[" * 100_000)


def test_a_conversation(client: TestClient) -> None:
    with client.websocket_connect("/v1/stream") as socket:
        socket.send_json({"type": "start", "speaker": "Ann", "explain": True})
        assert socket.receive_json()["model"]["modalities"] == ["text", "audio", "face"]
        for number in range(2):
            socket.send_bytes(b"\x01" + sound(0.5, 0.3))
            socket.send_bytes(b"\x02" + picture())
            socket.send_json({"type": "text", "text": f"Hello {number}!"})
            socket.send_json({"type": "end"})
            answer = socket.receive_json()
            assert (answer["type"], answer["utterance"], answer["text"]) == ("answer", number, f"Hello {number}!")
            assert answer["speaker"] == "Ann" and set(answer["influence"]) == set(answer["modalities"])
            assert answer["missing"]["face"].startswith("the camera shows no face")
        socket.send_json({"type": "text", "text": "Bye."})
        socket.send_json({"type": "stop"})
        assert socket.receive_json()["text"] == "Bye."
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()


def test_bad_messages_are_refused_and_the_stream_goes_on(client: TestClient) -> None:
    with client.websocket_connect("/v1/stream") as socket:
        socket.send_json({"type": "start"})
        assert socket.receive_json()["type"] == "ready"
        bad: list[str | bytes] = ["{", "[]", '{"type": "dance"}', '{"type": "text", "text": 3}', '{"type": "start"}']
        bad += ['{"type": "text", "text": "' + "x" * 101 + '"}', b"", b"\x03abc", b"\x01abc", b"\x02" + bytes(100_001)]
        for message in bad:
            _send(socket, message)
            found = socket.receive_json()
            assert found["type"] == "error" and found["error"].endswith("."), message
        for garbage in (b"no picture", picture(1, 1), picture(8000, 10)):
            socket.send_bytes(b"\x02" + garbage)
        socket.send_json({"type": "end"})
        answer = socket.receive_json()
        assert answer["type"] == "answer" and "face" in answer["missing"]


def test_silence_is_answered_when_it_is_asked_for_and_not_at_the_end(client: TestClient) -> None:
    with client.websocket_connect("/v1/stream") as socket:
        socket.send_bytes(b"\x01" + sound(0.5))
        assert socket.receive_json()["error"] == "the first message is not the start: send it."
    with client.websocket_connect("/v1/stream") as socket:
        socket.send_json({"type": "start", "turns": "Client"})
        assert '"turns" is "Client": send "client"' in socket.receive_json()["error"]
    with client.websocket_connect("/v1/stream") as socket:
        socket.send_json({"type": "start"})
        socket.receive_json()
        socket.send_json({"type": "end"})
        assert socket.receive_json() == {"type": "nothing"}
        for message in ({"type": "text", "text": "Hi!"}, {"type": "end"}, {"type": "end"}):
            socket.send_json(message)
        assert [socket.receive_json()["type"] for _ in range(2)] == ["answer", "nothing"]
        socket.send_bytes(b"\x01" + sound(0.5))
        socket.send_json({"type": "end"})
        assert socket.receive_json()["type"] == "answer"
        socket.send_bytes(b"\x01" + sound(0.5))
        socket.send_json({"type": "stop"})
        with pytest.raises(WebSocketDisconnect):  # nobody has make_utterance, and nothing answers
            socket.receive_json()


def _send(socket: Any, message: str | bytes) -> None:
    socket.send_bytes(message) if isinstance(message, bytes) else socket.send_text(message)


def test_one_too_many_strangers_and_wrong_tokens(client: TestClient, small_run: Path) -> None:
    with client.websocket_connect("/v1/stream") as first:
        first.send_json({"type": "start"})
        first.receive_json()
        with client.websocket_connect("/v1/stream") as second:
            second.send_json({"type": "start"})
            assert "too many streams" in second.receive_json()["error"]
            with pytest.raises(WebSocketDisconnect) as full:
                second.receive_json()
        assert full.value.code == 1013
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/v1/stream", headers={"origin": "http://evil.example"}),
    ):
        pass
    guarded = TestClient(create_app(Predictor.load(small_run / "model"), token="secret"))
    for start in ({"type": "start"}, {"type": "start", "token": "wrong"}, {"type": "end"}):
        with guarded.websocket_connect("/v1/stream") as socket:
            socket.send_json(start)
            assert socket.receive_json()["type"] == "error"
            with pytest.raises(WebSocketDisconnect):
                socket.receive_json()
    with guarded.websocket_connect("/v1/stream") as socket:
        socket.send_json({"type": "start", "token": "secret"})
        assert socket.receive_json()["type"] == "ready"
