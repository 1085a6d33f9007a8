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
    app = create_app(StubPredictor(), limits=Limits(decoder_timeout_seconds=60))
    decoders = app.state.service.decoders
    with TestClient(app) as client, ThreadPoolExecutor(12) as threads:
        hanging = [threads.submit(client.post, "/v1/utterances", files={"clip": b"hang"}) for _ in range(6)]
        deadline = time.monotonic() + 60
        # Until all decoders that a client may have hang, and more files wait than there are places to compute.
        while len(decoders._used) < Limits().max_decoders - 1 or app.state.service.threads.waiting < 6:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for _ in range(10):
            assert client.post("/v1/utterances", data={"text": "We won!"}).status_code == 200
        assert not any(each.done() for each in hanging)
        decoders.timeout = 0.2
        for process in list(decoders._used):
            process.timeout = 0.2
        for each in hanging:
            assert each.result().status_code == 415 and "clip takes more than 0.2 s to read" in each.result().text
    assert prediction_threads.THREADS < 6
