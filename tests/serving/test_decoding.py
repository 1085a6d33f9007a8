"""Files that make the decoder crash or hang: they get their sentence, and others are answered."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from mmerc.media.decoders import Decoders
from mmerc.serving import Limits, create_app, prediction_threads, service
from tests.media.test_decoders import FAULTY
from tests.serving.stub import StubPredictor

CRASH = (
    r"the file cannot be read as audio or video: clip made the decoder fail (SIGABRT): convert it to another format."
)


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch, temporary_folder: Path) -> None:
    """The decoders of a service do what the first word of a file says."""
    monkeypatch.setattr(service, "Decoders", partial(Decoders, command=(sys.executable, "-c", FAULTY)))


def test_a_crash_is_the_answer_to_that_file_alone(faulty: None) -> None:
    with TestClient(create_app(StubPredictor())) as client:
        for _ in range(4):  # more than there are decoders
            answer = client.post("/v1/utterances", files={"clip": b"crash"})
            assert answer.status_code == 415 and answer.json()["detail"] == CRASH
        refused = client.post("/v1/conversations", files={"recording": b"crash"})
        assert refused.status_code == 415 and "made the decoder fail (SIGABRT)" in refused.json()["detail"]
        assert client.post("/v1/utterances", data={"text": "We won!"}).status_code == 200


def test_others_are_answered_while_files_hang(faulty: None) -> None:
    limits = Limits(decoder_timeout_seconds=2.0)
    with TestClient(create_app(StubPredictor(), limits=limits)) as client, ThreadPoolExecutor(12) as threads:
        client.post("/v1/utterances", files={"clip": b"crash"})  # the template has started
        begun = time.monotonic()
        hanging = [threads.submit(client.post, "/v1/utterances", files={"clip": b"hang"}) for _ in range(6)]
        time.sleep(0.3)  # more files than there are decoders, and more than there are places to compute
        for _ in range(10):
            assert client.post("/v1/utterances", data={"text": "We won!"}).status_code == 200
        assert time.monotonic() - begun < 2.0 and not any(each.done() for each in hanging)
        for each in hanging:
            assert each.result().status_code == 415 and "clip takes more than 2 s to read" in each.result().text
    assert prediction_threads.THREADS < 6
