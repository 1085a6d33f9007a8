"""Recognised words of a live stream: in time, late, and beside the client's words."""

import asyncio
import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from mmerc.corpora import LiveRecording, Utterance
from mmerc.inference.live_text import Words
from mmerc.inference.live_words import LiveWords
from mmerc.media import SAMPLE_RATE
from mmerc.serving import Limits, create_app
from mmerc.serving.stream_words import StreamWords
from tests.serving.stub import StubPredictor
from tests.serving.test_websocket import URL, make_sound


class Recogniser:
    """Hears the length of the sound in tenths of a second. It waits where it is told to."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.heard: list[float] = []  # seconds of each sound

    def __call__(self, samples: np.ndarray) -> str | None:
        raise AssertionError("the times are wanted")

    def recognise(self, samples: np.ndarray) -> list[Words]:
        assert self.may_go_on.wait(20)
        seconds = len(samples) / SAMPLE_RATE
        self.heard.append(seconds)
        return [Words(f"{10 * seconds:.0f}", 0.2, seconds - 0.2), Words("tenths", seconds - 0.2, seconds)]


@pytest.fixture
def recogniser() -> Recogniser:
    return Recogniser()


def connect(recogniser: Recogniser, wait: float) -> TestClient:
    return TestClient(create_app(StubPredictor(), transcriber=recogniser, limits=Limits(words_wait_seconds=wait)))


def start(socket: Any, **options: Any) -> None:
    socket.send_json({"type": "start", "segmentation": "client", "interim": False} | options)
    assert socket.receive_json()["words"] is True


def say(socket: Any, seconds: float, text: str = "") -> None:
    socket.send_bytes(make_sound(seconds, 0.3))
    if text:
        socket.send_json({"type": "text", "text": text})
    socket.send_json({"type": "end"})


def test_words_are_in_the_final_answer_with_their_times(recogniser: Recogniser) -> None:
    with connect(recogniser, 10.0).websocket_connect(URL) as socket:
        start(socket)
        say(socket, 1.0)
        say(socket, 0.5)
        first, second = socket.receive_json(), socket.receive_json()
        assert (first["text"], first["final"], first["revised"]) == ("10 tenths", True, False)
        assert first["words"] == [
            {"text": "10", "start": 0.2, "end": 0.8},
            {"text": "tenths", "start": 0.8, "end": 1.0},
        ]
        assert second["text"].endswith("tenths") and second["words"][0]["start"] >= 1.0


def test_late_words_correct_the_answer(recogniser: Recogniser) -> None:
    with connect(recogniser, 0.05).websocket_connect(URL) as socket:
        start(socket)
        recogniser.may_go_on.clear()
        began = time.monotonic()
        say(socket, 1.0)
        say(socket, 1.0)
        answers = [socket.receive_json() for _ in range(2)]
        assert time.monotonic() - began < 5.0
        assert [(each["text"], each["revised"], "words" in each) for each in answers] == [(None, False, False)] * 2
        recogniser.may_go_on.set()
        corrections = [socket.receive_json() for _ in range(3)]  # the first, and after it the second, then the second
        assert [(each["utterance"], each["revised"]) for each in corrections] == [(0, True), (1, True), (1, True)]
        assert corrections[0]["text"] == "10 tenths" and len(corrections[0]["words"]) == 2
        assert str(corrections[2]["text"]).endswith("tenths")


def test_words_that_come_after_the_stop_still_correct_the_answer(recogniser: Recogniser) -> None:
    with connect(recogniser, 0.0).websocket_connect(URL) as socket:
        start(socket)
        recogniser.may_go_on.clear()
        say(socket, 1.0)
        socket.send_json({"type": "stop"})
        assert socket.receive_json()["text"] is None
        recogniser.may_go_on.set()
        last = socket.receive_json()
        assert (last["text"], last["revised"]) == ("10 tenths", True)


def test_the_words_of_the_client_win(recogniser: Recogniser) -> None:
    with connect(recogniser, 0.0).websocket_connect(URL) as socket:
        start(socket)
        say(socket, 1.0, "Ten tenths!")
        first = socket.receive_json()
        assert first["text"] == "Ten tenths!" and "words" not in first
        recogniser.may_go_on.clear()
        say(socket, 1.0)
        assert socket.receive_json()["text"] is None
        socket.send_json({"type": "text", "text": "Late but sent.", "start": 1.4, "end": 1.6})
        assert socket.receive_json()["text"] == "Late but sent."
        recogniser.may_go_on.set()
        socket.send_json({"type": "end"})
        assert socket.receive_json() == {"type": "nothing"}  # and no correction


def test_interim_answers_have_the_words_so_far(recogniser: Recogniser) -> None:
    with connect(recogniser, 10.0).websocket_connect(URL) as socket:
        start(socket, interim=True)
        texts = []
        for _ in range(4):
            socket.send_bytes(make_sound(1.2, 0.3))
            answer = socket.receive_json()
            assert answer["final"] is False
            texts.append(answer["text"])
        assert texts == ["12 tenths", "24 tenths", "36 tenths", "48 tenths"]
        socket.send_json({"type": "end"})
        assert socket.receive_json()["text"] == "48 tenths"
        assert len(recogniser.heard) == 4  # the utterance was heard to its end before it ended


def test_an_interim_answer_does_not_wait_for_a_slow_recogniser(
    recogniser: Recogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmerc.serving.stream_words.RUNNING_SECONDS", 0.05)
    with connect(recogniser, 10.0).websocket_connect(URL) as socket:
        start(socket, interim=True)
        socket.send_bytes(make_sound(1.2, 0.3))
        assert socket.receive_json()["text"] == "12 tenths"
        recogniser.may_go_on.clear()
        socket.send_bytes(make_sound(1.2, 0.3))
        assert socket.receive_json()["text"] == "12 tenths"  # those of the last time
        recogniser.may_go_on.set()
        socket.send_json({"type": "end"})
        assert socket.receive_json()["text"] == "24 tenths"


def test_words_after_the_end_of_an_utterance_are_not_its_words(recogniser: Recogniser) -> None:
    words = StreamWords(LiveWords(recogniser))
    sound = LiveRecording(np.full(2 * SAMPLE_RATE, 0.3, np.float32))
    running = Utterance("live", "", 0, start=0.0, end=2.0, live=sound)
    ended = replace(running, end=1.7, live=replace(sound, samples=sound.samples[: int(1.8 * SAMPLE_RATE)]))

    async def run() -> tuple[Utterance | None, Utterance | None]:
        assert words.listen(running) is not None
        recognition = words.ask(ended)
        assert recognition is not None
        found = await words.complete(ended, recognition, 10.0)
        later = words.ask(replace(ended, start=0.5))  # another utterance
        assert later is not None and later is not recognition
        return found, await words.complete(replace(ended, start=0.5), later, 10.0)

    found, _ = asyncio.run(run())
    assert words.recogniser is not None
    words.recogniser.close()
    assert found is not None and found.text == "20"  # the other word begins at 1.8 s
    assert recogniser.heard == [2.0, 1.8]
