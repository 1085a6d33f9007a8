"""The predictions of one stream: their order, corrections, and what is read ahead."""

import asyncio
import threading
from typing import Any

import numpy as np

from mmerc.corpora import LiveRecording, Utterance
from mmerc.serving.service import Service
from mmerc.serving.stream_predictions import MAX_WAITING, StreamPredictions
from tests.serving.stub import StubConversation, StubPredictor


def make_utterance(text: str, start: float) -> Utterance:
    return Utterance("live", "", 0, text=text, start=start, end=start + 1)


def run_stream(work: Any, before: Any = lambda: None) -> list[dict[str, Any]]:
    """The messages that a stream sends while `work` uses it."""

    async def run() -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        service = Service(StubPredictor(before))
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
        await asyncio.sleep(0.05)
        release.set()

    sent = run_stream(work, lambda: release.wait(20))
    assert sum(each["type"] == "error" and each["status"] == 429 for each in sent) == MAX_WAITING + 2 - len(
        [each for each in sent if each["type"] == "prediction"]
    )
    assert any("too many utterances of this stream" in each.get("detail", "") for each in sent)


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
    release = threading.Event()

    async def work(predictions: StreamPredictions) -> None:
        predictions.predict(make_utterance("late", 0.0))
        await asyncio.sleep(0.05)
        predictions.cancel()
        release.set()

    assert run_stream(work, lambda: release.wait(20)) == []
