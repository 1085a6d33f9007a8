"""What is kept of people, and that it is gone after an erasure."""

import json
import logging
import os
import threading
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from mmerc.serving import Limits, create_app
from mmerc.serving.retention import describe_retention
from mmerc.serving.uploads import PREFIX, remove_abandoned_uploads
from tests.serving.conftest import wait_for_job
from tests.serving.stub import StubPredictor

URL = "/v1/conversations"
WORDS = "Xanthippe came back"
TRANSCRIPT = ("talk.json", json.dumps([{"start": 0, "end": 1, "text": WORDS, "speaker": "Xanthippe"}]))
MANUAL = Path(__file__).parent.parent.parent / "docs" / "retention.md"


def find_bytes(folder: Path, words: bytes) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and words in file.read_bytes()]


def test_a_finished_recording_is_erased(
    client: TestClient, clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    files = {"recording": ("Xanthippe.mp4", clip.read_bytes()), "transcript": TRANSCRIPT}
    accepted = client.post(URL, files=files).json()
    assert wait_for_job(client, accepted["url"])["rows"][0]["text"] == WORDS
    assert client.delete(f"{URL}/{accepted['id']}").status_code == 204
    assert client.get(accepted["url"]).status_code == 404 == client.delete(f"{URL}/{accepted['id']}").status_code
    mmerc_log = "".join(record.getMessage() for record in caplog.records if record.name.startswith("mmerc"))
    assert "Xanthippe" not in mmerc_log and accepted["id"] not in mmerc_log
    assert find_bytes(tmp_path, b"Xanthippe") == [] == find_bytes(tmp_path, clip.read_bytes()[:500])


def test_a_running_recording_is_erased_at_once(clip: Path, temporary_folder: Path) -> None:
    release = threading.Event()
    with TestClient(create_app(StubPredictor(before=lambda: release.wait(10) and None))) as client:
        accepted = client.post(URL, files={"recording": clip.read_bytes(), "transcript": TRANSCRIPT}).json()
        assert find_bytes(temporary_folder, b"Xanthippe")
        assert client.delete(f"{URL}/{accepted['id']}").status_code == 204
        assert list(temporary_folder.iterdir()) == []
        release.set()
        deadline = time.monotonic() + 10
        while client.get(accepted["url"]).status_code != 404:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_named_conversation_is_erased(client: TestClient) -> None:
    def push() -> int:
        return int(client.post("/v1/utterances", data={"text": WORDS, "conversation": "kitchen"}).json()["utterance"])

    assert [push(), push()] == [0, 1]
    assert client.delete(f"{URL}/kitchen").status_code == 204
    assert push() == 0


def test_nothing_is_retained(clip: Path, temporary_folder: Path) -> None:
    with TestClient(create_app(StubPredictor(), limits=Limits(expiry_seconds=0))) as client:
        url = client.post(URL, files={"recording": clip.read_bytes()}).json()["url"]
        assert wait_for_job(client, url)["state"] == "done" and client.get(url).status_code == 404
        refused = client.post("/v1/utterances", data={"text": "Hi.", "conversation": "kitchen"})
        assert refused.status_code == 422 and "retains no conversation" in refused.json()["detail"]
        assert client.post("/v1/utterances", data={"text": "Hi."}).status_code == 200


def test_what_expires_is_deleted_although_nobody_asks(clip: Path, temporary_folder: Path) -> None:
    app = create_app(StubPredictor(), limits=Limits(expiry_seconds=0.1))
    with TestClient(app) as client:
        client.post("/v1/utterances", data={"text": "Hi.", "conversation": "kitchen"})
        stored = app.state.service.conversations._items
        assert len(stored) == 1
        deadline = time.monotonic() + 10
        while stored:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_uploads_of_killed_processes_are_removed(temporary_folder: Path) -> None:
    for process_id in (2**22 + 7, os.getpid()):  # the first is larger than any ID of Linux
        (temporary_folder / f"{PREFIX}{process_id}-x").mkdir()
    (temporary_folder / f"{PREFIX}else").mkdir()
    remove_abandoned_uploads()
    assert sorted(folder.name for folder in temporary_folder.iterdir()) == [f"{PREFIX}{os.getpid()}-x", f"{PREFIX}else"]


def test_the_manual_names_all_that_is_kept(client: TestClient) -> None:
    items = client.get("/v1/retention").json()["items"]
    table = MANUAL.read_text("utf-8")
    assert all(f"| {item['what']} | {item['where']} |" in table for item in items)
    nothing = describe_retention(Limits(expiry_seconds=0))["items"]
    assert "words of a named conversation" not in {item["what"] for item in nothing}
