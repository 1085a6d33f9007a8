"""The predictions of one stream: their order, corrections, and what is read ahead."""

import asyncio
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mmerc.corpora import LiveRecording, Utterance
from mmerc.media import SAMPLE_RATE
from mmerc.serving import Limits
from mmerc.serving.service import Service
from mmerc.serving.stream_predictions import MAX_WAITING, StreamPredictions
from tests.serving.stub import StubConversation, StubPredictor


def make_utterance(text: str, start: float) -> Utterance:
    return Utterance("live", "", 0, text=text, start=start, end=start + 1)


def run_stream(work: Any, before: Any = lambda: None, transcriber: Any = None) -> list[dict[str, Any]]:
    """The messages that a stream sends while `work` uses it."""

    async def run() -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        service = Service(StubPredictor(before), Limits(words_wait_seconds=0.0), transcriber=transcriber)
        predictions = StreamPredictions(service, service.predictor.stream(), send)
        await work(predictions)
        await predictions.finish(wait_for_words=True)
        await service.close()
        return sent

    return asyncio.run(run())


def test_predictions_and_other_messages_keep_the_order_of_the_utterances() -> None:
    async def work(predictions: StreamPredictions) -> None:
        predictions.predict(make_utterance("first", 0.0))
        predictions.send_in_order({"type": "nothing"})
        predictions.predict_running(make_utterance("sec", 1.0))
        assert not predictions.is_idle
        await predictions.finish(wait_for_words=True)
        predictions.predict_running(make_utterance("seco", 1.0))  # too late: the utterance ends now
        predictions.predict(make_utterance("second", 1.0))

    sent = run_stream(work)
    assert [(each["type"], each.get("text"), each.get("final")) for each in sent] == [
        ("prediction", "first", True),
        ("nothing", None, None),
        ("prediction", "sec", False),
        ("prediction", "second", True),
    ]
    assert [each["utterance"] for each in sent if "utterance" in each] == [0, 1, 1]


def test_late_words_are_followed_by_the_utterances_that_read_them() -> None:
    async def work(predictions: StreamPredictions) -> None:
        for index, text in enumerate(("a", "b", "c")):
            predictions.predict(make_utterance(text, float(index)))
        await predictions.finish(wait_for_words=False)
        predictions.revise(make_utterance("b and more", 1.0))
        predictions.revise(make_utterance("of nobody", 99.0))

    sent = run_stream(work)[3:]
    assert [(each["utterance"], each["text"], each["revised"]) for each in sent] == [
        (1, "b and more", True),
        (2, "c", True),
    ]


def test_too_many_utterances_of_one_stream_are_refused_one_by_one() -> None:
    release = threading.Event()

    async def work(predictions: StreamPredictions) -> None:
        for index in range(MAX_WAITING + 2):
            predictions.predict(make_utterance(str(index), float(index)))
        release.set()

    sent = run_stream(work, lambda: release.wait(20))
    assert [each["type"] for each in sent] == ["prediction"] * MAX_WAITING + ["error"] * 2
    assert {each["status"] for each in sent[MAX_WAITING:]} == {429}
    assert "too many utterances of this stream" in sent[-1]["detail"]


def test_images_are_read_ahead_unless_earlier_ones_still_are() -> None:
    looked: list[int] = []

    async def work(predictions: StreamPredictions) -> None:
        conversation = predictions.conversation
        assert isinstance(conversation, StubConversation)
        ahead = predictions.service.threads.ahead
        ahead.begin_prediction()  # nothing is read now
        for count in (0, 1, 2):
            images = tuple(b"image" for _ in range(count))
            predictions.look_ahead(LiveRecording(np.zeros(0, np.float32), images, tuple(range(count))))
        ahead.end_prediction()
        assert predictions._ahead is not None
        await asyncio.to_thread(predictions._ahead.result, 10)
        looked.extend(conversation.looked)

    assert run_stream(work) == [] and looked == [1]


def test_what_is_given_up_is_not_sent() -> None:
    has_begun, release = threading.Event(), threading.Event()

    def wait() -> None:
        has_begun.set()
        release.wait(20)

    async def work(predictions: StreamPredictions) -> None:
        predictions.predict(make_utterance("late", 0.0))
        assert await asyncio.to_thread(has_begun.wait, 20)
        predictions.cancel()
        release.set()

    assert run_stream(work, wait) == []


def make_sound(start: float) -> Utterance:
    """A second without words."""
    live = LiveRecording(np.full(SAMPLE_RATE, 0.3, np.float32), start=start)
    return Utterance("live", "", 0, start=start, end=start + 1, live=live)


def test_recognised_words_stay_when_the_client_changes_the_speaker() -> None:
    async def work(predictions: StreamPredictions) -> None:
        predictions.predict(make_sound(0.0))
        predictions.revise(replace(make_sound(0.0), speaker="Ann"))
        await predictions.finish(wait_for_words=True)
        predictions.revise(replace(make_sound(0.0), speaker="Bo"))

    sent = run_stream(work, transcriber=lambda samples: "You came back!")
    found = [(each.get("text"), each["speaker"], each["revised"]) for each in sent]
    assert found[-1] == ("You came back!", "Bo", True)
    assert found[-2] == ("You came back!", "Ann", True)  # a revision with late words keeps the speaker


def test_the_end_of_the_service_does_not_wait_for_late_words() -> None:
    release, sent_before = threading.Event(), []

    def recognise(samples: np.ndarray) -> str:
        assert release.wait(20)
        return "late"

    async def work(predictions: StreamPredictions) -> None:
        predictions.predict(make_sound(0.0))
        await predictions.finish(wait_for_words=False)
        sent_before.append(len(predictions._late_tasks))
        release.set()

    sent = run_stream(work, transcriber=recognise)
    assert sent_before == [1]
    assert [(each.get("text"), each["revised"]) for each in sent] == [(None, False), ("late", True)]


def test_an_utterance_that_will_probably_end_is_prepared_unless_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[float | None] = []
    is_prepared = threading.Event()

    def prepare(self: StubConversation, utterance: Utterance) -> None:
        prepared.append(utterance.end)
        is_prepared.set()

    monkeypatch.setattr(StubConversation, "prepare", prepare)

    async def work(predictions: StreamPredictions) -> None:
        predictions.prepare(make_sound(0.0))
        ahead = predictions.service.threads.ahead
        assert await asyncio.to_thread(is_prepared.wait, 20)
        ahead.begin_prediction()
        predictions.prepare(make_sound(2.0))
        predictions.predict(make_sound(2.0))
        ahead.end_prediction()
        await predictions.finish(wait_for_words=True)
        await asyncio.to_thread(ahead.close)

    assert [each["start"] for each in run_stream(work)] == [2.0] and prepared == [1.0]
