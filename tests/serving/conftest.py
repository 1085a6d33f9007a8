"""What the tests of the service share: a client of a service with a stub predictor, and a clip."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketTestSession

from mmerc.serving import Limits, create_app
from tests.media.clips import write_video
from tests.serving.stream_messages import check_service_message
from tests.serving.stub import StubPredictor


@pytest.fixture(autouse=True)
def check_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every message that a test receives from a live stream is what the schema says."""
    receive = WebSocketTestSession.receive_json

    def receive_json(self: WebSocketTestSession, mode: Literal["text", "binary"] = "text") -> Any:
        message = receive(self, mode)
        check_service_message(message)
        return message

    monkeypatch.setattr(WebSocketTestSession, "receive_json", receive_json)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of video with sound."""
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=24)


@pytest.fixture
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, into which all uploads go."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def client(temporary_folder: Path) -> Iterator[TestClient]:
    """A client of a service with small limits. No upload may be left when it ends."""
    limits = Limits(max_upload_bytes=500_000, max_utterance_seconds=5)
    with TestClient(create_app(StubPredictor(), limits=limits)) as client:
        yield client
    assert list(temporary_folder.iterdir()) == []


def wait_for_job(client: TestClient, url: str) -> dict[str, Any]:
    """The job when it has ended."""
    deadline = time.monotonic() + 60
    while (job := client.get(url).json())["state"] in ("waiting", "running"):
        assert time.monotonic() < deadline, "the job did not end"
        time.sleep(0.02)
    return dict(job)
