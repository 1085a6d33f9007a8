"""Jobs on disk: encryption, restarts, kills."""

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from fastapi.testclient import TestClient

from mmerc.errors import ConfigError, MmercError
from mmerc.serving import create_app
from mmerc.serving.job_store import MAX_ATTEMPTS, REQUEST, RESULT, JobStore
from tests.serving.conftest import wait_for_job
from tests.serving.stub import StubPredictor

URL = "/v1/conversations"
KEY = Fernet.generate_key().decode()
TRANSCRIPT = ("talk.json", '[{"start": 0, "end": 1, "text": "Xanthippe came back"}]')


def find_bytes(folder: Path, words: bytes) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and words in file.read_bytes()]


def add(store: JobStore, tmp_path: Path, id: str = "a") -> None:
    (file := tmp_path / "file").write_bytes(b"secret" * 1000)
    store.add(id, {"recording": file}, {"name": "secret"})


@pytest.mark.parametrize("key", [KEY, None], ids=["encrypted", "plain"])
def test_a_job_is_there_after_a_restart(tmp_path: Path, key: str | None) -> None:
    store = JobStore(tmp_path / "state", key)
    add(store, tmp_path, "b")
    add(store, tmp_path, "a")
    (store.folder / "half").mkdir()  # a kill while it was stored
    store.close()
    again = JobStore(tmp_path / "state", key)
    assert again.list_waiting() == ["b", "a"] and not (again.folder / "half").exists()
    assert again.read_request("b") == {"name": "secret"}
    assert again.unpack("b", "recording", tmp_path / "out").read_bytes() == b"secret" * 1000
    assert bool(find_bytes(tmp_path / "state", b"secret")) is (key is None)
    again.finish("b", {"state": "done", "words": "secret"})
    assert again.list_waiting() == ["a"] and again.read_result("b") == {"state": "done", "words": "secret"}
    assert [file.name for file in (again.folder / "b").iterdir()] == ["result"]
    assert again.erase("b") and not again.erase("b") and again.read_result("b") is None
    assert again.erase("a") and again.list_waiting() == [] and not find_bytes(tmp_path / "state", b"secret")
    again.close()


def test_names_that_are_no_ids_reach_no_file(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "state")
    (tmp_path / "state" / "result").write_text("{}")
    for id in ("..", "../jobs", "", "a/b", "."):
        assert store.read_result(id) is None and not store.erase(id)
    store.close()


def test_keys_and_folders_that_are_wrong(tmp_path: Path) -> None:
    store = JobStore(tmp_path, KEY)
    add(store, tmp_path)
    with pytest.raises(ConfigError, match="another service uses"):
        JobStore(tmp_path, KEY)
    store.close()
    with pytest.raises(ConfigError, match="the key is not 32 bytes"):
        JobStore(tmp_path, "short")
    other = JobStore(tmp_path, Fernet.generate_key().decode())
    with pytest.raises(MmercError, match="it was stored with another key"):
        other.read_request("a")
    other.close()


def test_a_recording_that_ends_the_service_again_and_again_fails(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    add(store, tmp_path)
    for _ in range(MAX_ATTEMPTS):
        store.begin("a")
    with pytest.raises(MmercError, match="the service was ended 3 times"):
        store.begin("a")
    store.suspend("a")
    store.begin("a")
    store.close()


def test_results_expire(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    add(store, tmp_path)
    store.finish("a", {})
    store.sweep(60)
    assert store.read_result("a") == {}
    store.sweep(-1)
    assert store.read_result("a") is None
    store.close()


def test_a_stopped_service_continues_its_jobs(clip: Path, tmp_path: Path, temporary_folder: Path) -> None:
    blocked = StubPredictor(before=lambda: time.sleep(0.2))
    files = {"recording": clip.read_bytes(), "transcript": TRANSCRIPT}
    with TestClient(create_app(blocked, store=JobStore(tmp_path / "state", KEY))) as client:
        urls = [client.post(URL, files=files).json()["url"] for _ in range(3)]
    assert list(temporary_folder.iterdir()) == []
    with TestClient(create_app(StubPredictor(), store=JobStore(tmp_path / "state", KEY))) as client:
        jobs = [wait_for_job(client, url) for url in urls]
        assert [job["rows"][0]["text"] for job in jobs] == ["Xanthippe came back"] * 3
        with client.stream("GET", f"{urls[0]}/events") as events:
            assert '"state": "done"' in events.read().decode()
    assert not find_bytes(tmp_path / "state", b"Xanthippe")
    with TestClient(create_app(StubPredictor(), store=JobStore(tmp_path / "state", KEY))) as client:
        assert client.get(urls[0]).json() == jobs[0]
        assert client.delete(f"{URL}/{jobs[0]['id']}").status_code == 204 and client.get(urls[0]).status_code == 404


def _serve_and_stall(state: Path, clip: bytes, connection: object) -> None:
    """Accept three recordings, tell their addresses, and never finish one."""
    app = create_app(StubPredictor(before=lambda: time.sleep(1000)), store=JobStore(state, KEY))
    with TestClient(app) as client:
        files = {"recording": clip, "transcript": TRANSCRIPT}
        connection.send([client.post(URL, files=files).json()["url"] for _ in range(3)])  # type: ignore[attr-defined]
        time.sleep(1000)


def test_a_killed_service_loses_no_job(clip: Path, tmp_path: Path, temporary_folder: Path) -> None:
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_serve_and_stall, args=(tmp_path / "state", clip.read_bytes(), theirs))
    process.start()
    assert ours.poll(30)
    urls = ours.recv()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)
    with TestClient(create_app(StubPredictor(), store=JobStore(tmp_path / "state", KEY))) as client:
        assert [wait_for_job(client, url)["state"] for url in urls] == ["done"] * 3
    assert list(temporary_folder.iterdir()) == []


def test_the_progress_as_events(clip: Path, temporary_folder: Path) -> None:
    release = threading.Event()
    with TestClient(create_app(StubPredictor(before=lambda: release.wait(10) and None))) as client:
        url = client.post(URL, files={"recording": clip.read_bytes(), "transcript": TRANSCRIPT}).json()["url"]
        threading.Timer(0.3, release.set).start()
        response = client.get(f"{url}/events")
    assert response.headers["content-type"].startswith("text/event-stream")
    states = [line for line in response.text.split("\n\n") if line]
    assert all(line.startswith('data: {"state": ') for line in states)
    assert '"running"' in states[-2] and states[-1] == 'data: {"state": "done", "done": 1, "total": 1}'


def test_what_is_damaged_on_disk_is_a_reason_or_no_result(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    add(store, tmp_path)
    (store.folder / "a" / REQUEST).write_bytes(b"[" * 100_000)
    with pytest.raises(MmercError, match="what is stored of the recording is damaged: send the recording again"):
        store.read_request("a")
    (store.folder / "a" / RESULT).write_bytes(b'{"state": "do')
    assert store.read_result("a") is None
    store.close()
