"""Live streams: sound, images and text in, predictions out."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from starlette.websockets import WebSocketDisconnect

from mmerc.media import SAMPLE_RATE
from mmerc.serving import Limits, create_app
from mmerc.serving.protocol import make_error
from tests.serving.stub import StubPredictor
from tests.speakers.test_live import LevelEncoder

URL = "/v1/stream"


@pytest.fixture(scope="module")
def client() -> TestClient:
    limits = Limits(max_streams=1, idle_timeout_seconds=20, max_message_bytes=100_000, max_text_characters=100)
    return TestClient(create_app(StubPredictor(), limits=limits))


def make_sound(seconds: float, level: float = 0.0) -> bytes:
    return b"\x01" + np.full(int(seconds * SAMPLE_RATE), level * 32767, "<i2").tobytes()


def make_image(width: int = 64, height: int = 48) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "JPEG")
    return b"\x02" + buffer.getvalue()


def test_a_conversation(client: TestClient) -> None:
    with client.websocket_connect(URL) as socket:
        socket.send_json({"type": "start", "speaker": "Ann", "explain": True})
        assert socket.receive_json()["model"]["modalities"] == ["text", "audio", "face"]
        for number in range(2):
            socket.send_bytes(make_sound(0.5, 0.3))
            socket.send_bytes(make_image())
            socket.send_json({"type": "text", "text": f"Hello {number}!"})
            socket.send_json({"type": "end"})
            message = socket.receive_json()
            assert (message["type"], message["utterance"], message["text"]) == (
                "prediction",
                number,
                f"Hello {number}!",
            )
            assert message["speaker"] == "Ann" and list(message["influence"]) == message["modalities"]
            assert message["modalities"] == ["text", "audio", "face"] and message["seconds"] >= 0
        socket.send_json({"type": "text", "text": "Bye.", "speaker": "Bo"})
        socket.send_json({"type": "stop"})
        last = socket.receive_json()
        assert (last["text"], last["speaker"], last["missing"]["face"]) == ("Bye.", "Bo", "there is no face")
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()


def test_bad_messages_are_refused_and_the_stream_goes_on(client: TestClient) -> None:
    with client.websocket_connect(URL) as socket:
        socket.send_json({"type": "start"})
        assert socket.receive_json()["type"] == "ready"
        bad: list[str | bytes] = ["{", "[]", '{"type": "dance"}', '{"type": "text", "text": 3}', '{"type": "start"}']
        bad += ['{"type": "text", "text": "' + "x" * 101 + '"}', b"", b"\x03abc", b"\x01abc", b"\x02" + bytes(100_001)]
        for message in bad:
            send(socket, message)
            message = socket.receive_json()
            assert message["type"] == "error" and message["detail"].endswith("."), message
        for garbage in (b"\x02no image", make_image(1, 1), make_image(8000, 10)):
            socket.send_bytes(garbage)
        socket.send_json({"type": "end"})
        assert socket.receive_json()["type"] == "prediction"


def send(socket: Any, message: str | bytes) -> None:
    socket.send_bytes(message) if isinstance(message, bytes) else socket.send_text(message)


@pytest.mark.parametrize(
    ("first", "error"),
    [
        (make_sound(0.5), 'the first message is not the start: send {"type": "start"} first.'),
        ('{"type": "end"}', 'the first message is not the start: send {"type": "start"} first.'),
        ('{"type": "start", "segmentation": "x"}', "\"segmentation\": input should be 'server' or 'client'."),
    ],
)
def test_a_stream_begins_with_its_start(client: TestClient, first: str | bytes, error: str) -> None:
    with client.websocket_connect(URL) as socket:
        send(socket, first)
        message = socket.receive_json()
        assert (message["type"], message["title"], message["detail"]) == ("error", "Bad Request", error)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 1003


def test_each_end_gets_a_message_and_silence_at_the_stop_is_not(client: TestClient) -> None:
    with client.websocket_connect(URL) as socket:
        socket.send_json({"type": "start"})
        socket.receive_json()
        socket.send_json({"type": "end"})
        assert socket.receive_json() == {"type": "nothing"}
        for message in ({"type": "text", "text": "Hi!"}, {"type": "end"}, {"type": "end"}):
            socket.send_json(message)
        assert [socket.receive_json()["type"] for _ in range(2)] == ["prediction", "nothing"]
        socket.send_bytes(make_sound(0.5))
        socket.send_json({"type": "end"})
        assert socket.receive_json()["type"] == "prediction"
        socket.send_bytes(make_sound(0.5))
        socket.send_json({"type": "stop"})
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()


def test_too_many_streams(client: TestClient) -> None:
    with client.websocket_connect(URL) as first:
        first.send_json({"type": "start"})
        first.receive_json()
        with client.websocket_connect(URL) as second:
            second.send_json({"type": "start"})
            assert second.receive_json()["detail"] == "there are too many live streams: connect again later."
            with pytest.raises(WebSocketDisconnect) as closed:
                second.receive_json()
        assert closed.value.code == 1013


def test_a_silent_client_is_disconnected() -> None:
    client = TestClient(create_app(StubPredictor(), limits=Limits(start_timeout_seconds=0.05)))
    with client.websocket_connect(URL) as socket:
        assert socket.receive_json()["detail"] == "no message arrived for 0.05 s: the stream is closed, connect again."


def test_pages_of_other_sites_and_other_hosts_are_refused() -> None:
    app = create_app(StubPredictor(), allowed_hosts=["testserver"], allowed_origins=["https://emo.example.org"])
    client = TestClient(app)
    for headers in ({"origin": "http://evil.example"}, {"host": "evil.example"}):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(URL, headers=headers):
            pass
    with client.websocket_connect(URL, headers={"origin": "https://emo.example.org"}) as socket:
        socket.send_json({"type": "start"})
        assert socket.receive_json()["type"] == "ready"


def test_a_stream_needs_the_token() -> None:
    client = TestClient(create_app(StubPredictor(), token="secret"))
    for token in ("", "wrong"):
        with client.websocket_connect(URL) as socket:
            socket.send_json({"type": "start", "token": token})
            assert socket.receive_json() == make_error("the token is missing or wrong.", 401)
            with pytest.raises(WebSocketDisconnect):
                socket.receive_json()
    with client.websocket_connect(URL) as socket:
        socket.send_json({"type": "start", "token": "secret"})
        assert socket.receive_json()["type"] == "ready"


def test_a_failure_in_one_utterance_is_an_error_message() -> None:
    def fail() -> None:
        raise KeyError("ours")

    client = TestClient(create_app(StubPredictor(before=fail)))
    with client.websocket_connect(URL) as socket:
        socket.send_json({"type": "start"})
        socket.receive_json()
        socket.send_json({"type": "text", "text": "Hi!"})
        socket.send_json({"type": "end"})
        expected = "the service failed on this utterance: its log has the details."
        assert socket.receive_json() == make_error(expected, 500)


def test_late_words_revise_their_utterance_and_those_after_it(client: TestClient) -> None:
    with client.websocket_connect(URL) as socket:
        socket.send_json({"type": "start", "segmentation": "client", "interim": False})
        socket.receive_json()
        for text in ("first", "second"):
            socket.send_bytes(make_sound(1.0, 0.3))
            socket.send_json({"type": "text", "text": text})
            socket.send_json({"type": "end"})
            message = socket.receive_json()
            assert (message["text"], message["final"], message["revised"]) == (text, True, False)
        socket.send_json({"type": "text", "text": "word", "start": 0.4, "end": 0.6})
        revised = [socket.receive_json() for _ in range(2)]
        assert [(each["utterance"], each["text"], each["revised"]) for each in revised] == [
            (0, "first word", True) if revised[0]["text"].startswith("first") else (0, "word first", True),
            (1, "second", True),
        ]
        socket.send_json({"type": "text", "text": "x", "start": -1})
        assert socket.receive_json()["type"] == "error"


def test_answers_before_the_end_of_an_utterance(client: TestClient) -> None:
    with client.websocket_connect(URL) as socket:
        socket.send_json({"type": "start", "segmentation": "client"})
        socket.receive_json()
        socket.send_json({"type": "text", "text": "You", "final": False})
        socket.send_bytes(make_sound(1.2, 0.3))
        socket.send_bytes(make_sound(0.1, 0.3))
        interim = socket.receive_json()
        assert (interim["type"], interim["final"], interim["text"], interim["end"]) == ("prediction", False, "You", 1.2)
        socket.send_json({"type": "text", "text": "You came!"})
        socket.send_json({"type": "end"})
        final = socket.receive_json()
        assert (final["final"], final["text"], final["utterance"]) == (True, "You came!", interim["utterance"])


def test_people_can_be_enrolled_only_where_the_speakers_are_told_apart(client: TestClient) -> None:
    with client.websocket_connect(URL) as socket:
        socket.send_json({"type": "start"})
        assert socket.receive_json()["speakers"] is False
        socket.send_json({"type": "enrol", "name": "Ann"})
        assert "nobody can be enrolled" in socket.receive_json()["detail"]


def test_enrolment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmerc.speakers.live.find_speech", lambda samples: [(0, int((abs(samples) > 0).sum()))])
    client = TestClient(create_app(StubPredictor(), voice_encoder=LevelEncoder()))
    with client.websocket_connect(URL) as socket:
        socket.send_json({"type": "start"})
        assert socket.receive_json()["speakers"] is True
        sample = base64.b64encode(make_sound(2.0, 0.1)[1:]).decode()
        socket.send_json({"type": "enrol", "name": " Ann ", "sound": sample})
        assert socket.receive_json() == {"type": "enrolled", "name": "Ann", "seconds": 2.0}
        socket.send_json({"type": "enrol", "name": "Bo", "seconds": 1})
        socket.send_bytes(make_sound(1.0, 0.2))
        assert socket.receive_json() == {"type": "enrolled", "name": "Bo", "seconds": 1.0}
        silence = base64.b64encode(make_sound(1.0)[1:]).decode()
        for wrong in (
            {"name": "Cy", "sound": silence},
            {"name": "Cy", "sound": "?"},
            {"name": "Cy", "sound": "AAAA"},
            {"name": " "},
            {"name": ""},
            {"name": "Cy", "seconds": 100},
        ):
            socket.send_json({"type": "enrol", **wrong})
            message = socket.receive_json()
            assert message["type"] == "error" and message["detail"].endswith("."), message


def test_a_stream_may_refuse_the_recognition_of_speakers() -> None:
    client = TestClient(create_app(StubPredictor(), voice_encoder=LevelEncoder()))
    with client.websocket_connect(URL) as socket:
        socket.send_json({"type": "start", "speakers": False})
        assert socket.receive_json()["speakers"] is False
