"""Recognised words of a live stream: in time, late, and beside the client's words."""

import threading
import time
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from mmerc.inference.live_text import Words
from mmerc.media import SAMPLE_RATE
from mmerc.serving import Limits, create_app
from tests.serving.stub import StubPredictor
from tests.serving.test_websocket import URL, make_sound


class Recogniser:
    """Hears the length of the sound in tenths of a second. It waits where it is told to."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, samples: np.ndarray) -> str | None:
        raise AssertionError("the times are wanted")

    def recognise(self, samples: np.ndarray) -> list[Words]:
        assert self.may_go_on.wait(20)
        seconds = len(samples) / SAMPLE_RATE
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
        assert texts[0] is None  # nothing is recognised yet
        assert texts[-1] is not None and texts[-1].endswith("tenths")
        socket.send_json({"type": "end"})
        assert socket.receive_json()["text"] == "48 tenths"
