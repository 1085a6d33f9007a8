"""The state of an application: threads, limits, transcription."""

import asyncio
import threading

import numpy as np
import pytest
from fastapi import HTTPException

from mmerc.corpora import LiveRecording, Utterance
from mmerc.inference import make_utterance
from mmerc.serving import Limits
from mmerc.serving.service import Service
from tests.serving.stub import StubPredictor


def test_work_is_done_in_a_thread_and_counted() -> None:
    service, ended = Service(StubPredictor()), []

    async def run() -> str:
        result = await service.run(lambda: threading.current_thread().name, "http", lambda: ended.append(True))
        await service.close()
        return result

    assert asyncio.run(run()).startswith("mmerc-prediction") and ended == [True]
    assert b'mmerc_prediction_seconds_count{transport="http"} 1.0' in service.metrics.to_text()


def test_too_much_work_is_refused_and_slow_work_is_given_up() -> None:
    release, ended = threading.Event(), []
    service = Service(StubPredictor(), Limits(max_waiting_utterances=1, prediction_timeout_seconds=0.1))

    async def run() -> list[int]:
        async def run_one(number: int) -> int:
            with pytest.raises(HTTPException) as error:
                await service.run(lambda: release.wait(10), "http", lambda: ended.append(number))
            return error.value.status_code

        codes = list(await asyncio.gather(run_one(0), run_one(1)))
        release.set()
        await service.close()
        return codes

    assert asyncio.run(run()) == [504, 429]
    assert ended == [1, 0] and service.threads.waiting == 0


def test_only_what_has_no_text_is_transcribed() -> None:
    service = Service(StubPredictor(), transcriber=lambda samples: f"{len(samples)} samples")
    sound = LiveRecording(0.1 * np.sin(np.arange(1600, dtype=np.float32)))
    assert service.transcribe(make_utterance(live=sound)).text == "1600 samples"
    assert service.transcribe(make_utterance("Hello.", live=sound)).text == "Hello."
    assert service.transcribe(Utterance("live", "", 0)).text is None  # there is no sound
