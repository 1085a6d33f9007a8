"""Recognised words of a live stream: in time, late, and beside the client's words."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from mmerc.corpora import LiveRecording, Utterance
from mmerc.inference import live_words
from mmerc.inference.live_text import Words
from mmerc.inference.live_words import LiveWords
from mmerc.media import SAMPLE_RATE
from mmerc.serving import Limits, create_app, stream_words
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
def recogniser(monkeypatch: pytest.MonkeyPatch) -> Recogniser:
    monkeypatch.setattr(live_words, "MAX_SECONDS", 60.0)  # it is never too slow for utterances that go on
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
        say(socket, 1.0)
        say(socket, 1.0)
        answers = [socket.receive_json() for _ in range(2)]
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


def test_interim_answers_have_the_words_so_far(recogniser: Recogniser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_words, "RUNNING_SECONDS", 20.0)
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
    monkeypatch.setattr(stream_words, "RUNNING_SECONDS", 20.0)
    with connect(recogniser, 10.0).websocket_connect(URL) as socket:
        start(socket, interim=True)
        socket.send_bytes(make_sound(1.2, 0.3))
        assert socket.receive_json()["text"] == "12 tenths"
        recogniser.may_go_on.clear()
        monkeypatch.setattr(stream_words, "RUNNING_SECONDS", 0.0)
        socket.send_bytes(make_sound(1.2, 0.3))
        assert socket.receive_json()["text"] == "12 tenths"  # those of the last time
        recogniser.may_go_on.set()
        socket.send_json({"type": "end"})
        assert socket.receive_json()["text"] == "24 tenths"


@pytest.fixture
def words(recogniser: Recogniser, monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamWords]:
    """Those of a stream whose answers before the end never wait for words."""
    monkeypatch.setattr(stream_words, "RUNNING_SECONDS", 0.0)
    shared = LiveWords(recogniser, max_waiting=1)
    yield StreamWords(shared)
    recogniser.may_go_on.set()
    shared.close()


def make_utterance(start: float, end: float) -> Utterance:
    """With sound from its start to 0.1 s after its end."""
    samples = np.full(round((end + 0.1 - start) * SAMPLE_RATE), 0.3, np.float32)
    return Utterance("live", "", 0, start=start, end=end, live=LiveRecording(samples, start=start))


def answer_before_the_end(words: StreamWords, recogniser: Recogniser, running: Utterance) -> str | None:
    """The words of an answer before the end, while the recogniser works on its sound, which it does after that."""
    recogniser.may_go_on.clear()
    text = asyncio.run(words.complete_running(running)).text
    recogniser.may_go_on.set()
    assert words._running is not None and words._running.recognition.result(20)
    return text


def test_words_that_miss_an_answer_before_the_end_are_in_the_next_one(
    words: StreamWords, recogniser: Recogniser
) -> None:
    texts = [answer_before_the_end(words, recogniser, make_utterance(0.0, end)) for end in (0.9, 1.9, 2.9)]
    assert texts == [None, "10 tenths", "20 tenths"]
    recogniser.may_go_on.clear()
    ended = make_utterance(0.0, 3.4)
    recognition = words.ask(ended)
    assert recognition is not None and not asyncio.run(words.wait(recognition, 0.0))
    assert words.complete(ended).text == "30 tenths"
    recogniser.may_go_on.set()
    assert asyncio.run(words.wait(recognition, 20.0)) and words.complete(ended).text == "35 tenths"
    assert words.complete(make_utterance(3.4, 5.0)).text is None


def test_an_utterance_has_what_was_heard_before_if_too_much_waits_at_its_end(
    words: StreamWords, recogniser: Recogniser
) -> None:
    recogniser.may_go_on.clear()
    running, ended, other = make_utterance(0.0, 0.9), make_utterance(0.0, 1.4), make_utterance(7.0, 8.0)
    asked = words.listen(running)
    assert asked is not None and words.listen(running) is None
    assert words.recogniser is not None
    while words.recogniser._jobs:  # until it works on the first one
        threading.Event().wait(0.001)
    assert words.recogniser.submit(other) is not None
    assert words.ask(ended) is asked and words.ask(make_utterance(1.4, 2.0)) is None
    recogniser.may_go_on.set()
    assert asyncio.run(words.wait(asked, 20.0)) and words.complete(ended).text == "10 tenths"


def test_words_after_the_end_of_an_utterance_are_those_of_the_next_one(
    words: StreamWords, recogniser: Recogniser
) -> None:
    running = make_utterance(0.0, 1.9)
    assert words.listen(running) is not None
    ended = replace(make_utterance(0.0, 1.7), end=1.7)
    recognition = words.ask(ended)
    assert words._running is not None and recognition is words._running.recognition  # it was heard to its end
    assert asyncio.run(words.wait(recognition, 20.0))
    assert words.complete(ended).text == "20"  # the other word begins at 1.8 s
    recogniser.may_go_on.clear()
    following = make_utterance(1.7, 2.7)
    assert words.complete(following).text == "tenths"
    assert words.ask(following) is not recognition
    assert recogniser.heard == [2.0]


def test_words_that_the_client_sends_are_not_recognised(words: StreamWords, recogniser: Recogniser) -> None:
    typed = replace(make_utterance(0.0, 1.0), text="Typed.")
    assert words.ask(typed) is None and words.listen(typed) is None and words.complete(typed) is typed
    silent = StreamWords(None)
    assert silent.ask(make_utterance(0.0, 1.0)) is None and silent.complete(make_utterance(0.0, 1.0)).text is None
    assert recogniser.heard == []


def test_a_recognition_that_was_cancelled_has_no_words(words: StreamWords, recogniser: Recogniser) -> None:
    recogniser.may_go_on.clear()
    assert words.listen(make_utterance(0.0, 0.9)) is not None and words.recogniser is not None
    while words.recogniser._jobs:
        threading.Event().wait(0.001)
    ended = make_utterance(0.0, 1.4)
    recognition = words.ask(ended)
    assert recognition is not None and recognition.cancel()
    assert asyncio.run(words.wait(recognition, 20.0)) and words.complete(ended).text is None
    recogniser.may_go_on.set()
    assert words._running is not None and words._running.recognition.result(20)
    assert words.complete(ended).text == "10 tenths"
