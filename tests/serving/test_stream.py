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
from mmerc.corpora import Clip, Utterance
from mmerc.media import SAMPLE_RATE, read_waveform
from mmerc.serving import Limits, create_app
from mmerc.serving.stream import BadMessage, Ear, command


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


def test_words_that_end_by_command() -> None:
    ear = Ear("Ann")
    ear.read("You came", "")
    ear.read("back!", "")
    (turn,) = ear.finish()
    assert (turn.text, turn.speaker, turn.start, turn.end) == ("You came back!", "Ann", 0.0, 0.0)
    assert ear.finish() == []


def test_each_utterance_has_the_sound_and_the_pictures_of_its_time() -> None:
    ear = Ear(detecting=False)
    ear.see(b"before", 0.0)
    ear.hear(sound(1.0, 0.1))
    ear.see(b"first", 9.0)  # sound is the better clock
    ear.hear(sound(0.5, 0.2))
    (first,) = ear.finish()
    ear.hear(sound(0.6, 0.3))
    ear.see(b"second", 9.5)
    (second,) = ear.finish()
    assert first.live is not None and second.live is not None
    assert (first.start, first.end, second.start, second.end) == (0.0, 1.5, 1.5, 2.1)
    assert first.live.pictures == (b"before", b"first") and second.live.pictures == (b"second",)
    assert len(first.live.samples) == 1.5 * SAMPLE_RATE and first.live.samples[-1] == pytest.approx(0.2, abs=1e-3)
    # The second begins 0.2 s early, with the end of the first: that is where breath and consonants are.
    assert len(second.live.samples) == pytest.approx(0.8 * SAMPLE_RATE, abs=1)
    assert second.live.times == pytest.approx([0.8], abs=1e-3)


def test_sound_that_begins_late_has_its_own_samples() -> None:
    ear = Ear(detecting=False)
    ear.see(b"before", 60.0)
    ear.read("typed", "")
    (typed,) = ear.finish()
    ear.hear(sound(1.0, 0.1))
    ear.see(b"during", 61.0)
    ear.hear(sound(0.5, 0.2))
    (said,) = ear.finish()
    assert (typed.end, said.start, said.end) == (60.0, 60.0, 61.5)
    assert said.live is not None and len(said.live.samples) == 1.5 * SAMPLE_RATE
    assert said.live.pictures == (b"during",) and said.live.times == pytest.approx([1.0])  # after the first sample


@pytest.mark.realdata
def test_a_voice_after_typed_words_is_heard_where_it_is(real_data: Path) -> None:
    voice = read_waveform(Clip(sorted((real_data / "ravdess").rglob("*.flac"))[0]))
    samples = (np.concatenate([voice, np.zeros(SAMPLE_RATE, np.float32)]) * 32767).astype("<i2").tobytes()

    def heard(seen: float) -> Utterance:
        ear, turns = Ear(), []
        if seen:
            ear.see(b"x", seen)
            ear.read("typed", "")
            ear.finish()
        for first in range(0, len(samples), 3200):
            turns += ear.hear(samples[first : first + 3200])
        return turns[0]

    alone, after = heard(0.0), heard(60.0)
    assert alone.start is not None and after.start == pytest.approx(60 + alone.start, abs=1e-3)
    assert alone.live is not None and after.live is not None
    assert np.array_equal(after.live.samples, alone.live.samples) and len(alone.live.samples) > 0.5 * SAMPLE_RATE


def test_memory_is_bounded_however_long_nobody_ends_it() -> None:
    ear = Ear(detecting=False)
    for number in range(600):
        ear.hear(sound(0.5))
        ear.see(b"x", number)
    assert len(ear.samples) <= 31 * SAMPLE_RATE and len(ear.pictures) <= 300
    (turn,) = ear.finish()
    assert turn.end == 300.0 and turn.start == 270.0


@pytest.mark.realdata
def test_a_voice_ends_by_itself(real_data: Path) -> None:
    voice = read_waveform(Clip(sorted((real_data / "ravdess").rglob("*.flac"))[0]))
    silence = np.zeros(SAMPLE_RATE, np.float32)
    samples = (np.concatenate([silence, voice, silence, silence]) * 32767).astype("<i2").tobytes()
    ear, turns = Ear(), []
    for first in range(0, len(samples), 3200):
        turns += ear.hear(samples[first : first + 3200])
    (turn,) = turns
    assert turn.start is not None and turn.end is not None
    assert 1.0 < turn.start < turn.end < 1.0 + len(voice) / SAMPLE_RATE + 0.2


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


def test_words_are_bounded_and_empty_ones_are_nothing() -> None:
    ear = Ear(most_characters=10)
    for _ in range(1000):
        ear.read("", "")
    ear.read("12345", "")
    for _ in range(3):
        with pytest.raises(BadMessage, match="more than 10 characters"):
            ear.read("678901", "")
    assert ear.text == "12345"


def test_pictures_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmerc.serving.stream.PICTURE_BYTES", 1000)
    ear = Ear()
    for number in range(20):
        ear.see(bytes(300), number)
    assert len(ear.pictures) == 3 and ear.weight == 900


@pytest.mark.realdata
def test_a_voice_that_goes_on_after_the_end_is_heard(real_data: Path) -> None:
    voice = read_waveform(Clip(sorted((real_data / "ravdess").rglob("*.flac"))[0]))
    samples = (np.concatenate([voice, np.zeros(SAMPLE_RATE, np.float32)]) * 32767).astype("<i2").tobytes()
    ear, turns, forced = Ear(), [], []
    for first in range(0, len(samples), 3200):
        turns += ear.hear(samples[first : first + 3200])
        if not forced and ear.speaking_since is not None and ear.now > ear.speaking_since + 0.3:
            forced = ear.finish()
    (first_part,), (rest,) = forced, turns
    assert first_part.end == rest.start and rest.end is not None and rest.end > rest.start + 0.3


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
        socket.send_bytes(b"\x01" + sound(0.5))
        socket.send_json({"type": "end"})
        assert socket.receive_json()["type"] == "answer"
        socket.send_bytes(b"\x01" + sound(0.5))
        socket.send_json({"type": "stop"})
        with pytest.raises(WebSocketDisconnect):  # nobody has spoken, and nothing answers
            socket.receive_json()


def test_what_is_open_at_the_end() -> None:
    seen, listened, typed = Ear(), Ear(), Ear()
    seen.see(b"x", 1.0)
    listened.hear(sound(1.0))
    typed.hear(sound(1.0))
    typed.read("Bye.", "")
    assert [len(ear.finish(asked=False)) for ear in (seen, listened, typed, Ear())] == [1, 0, 1, 0]
    told = Ear(detecting=False)
    told.hear(sound(1.0))
    assert len(told.finish(asked=False)) == 1  # its client says when somebody speaks


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
