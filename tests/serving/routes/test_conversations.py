"""Recordings over HTTP: a job, its progress and its rows."""

import json
import threading
from pathlib import Path

from fastapi.testclient import TestClient

from mmerc.serving import Limits, create_app
from mmerc.serving.problems import make_problem
from tests.serving.conftest import wait_for_job
from tests.serving.stub import StubPredictor

URL = "/v1/conversations"
SRT = b"1\n00:00:00,000 --> 00:00:00,800\nAnn: You came back!\n\n2\n00:00:00,800 --> 00:00:01,500\nBob: I did.\n"


def test_a_recording_with_a_transcript(client: TestClient, clip: Path) -> None:
    files = {"recording": clip.read_bytes(), "transcript": ("talk.SRT", SRT)}
    started = client.post(URL, files=files, data={"explain": "true"})
    assert started.status_code == 202 and started.json()["url"] == f"/v1/jobs/{started.json()['id']}"
    job = wait_for_job(client, started.json()["url"])
    assert (job["state"], job["done"], job["total"], job["error"]) == ("done", 2, 2, "")
    assert [row["speaker"] for row in job["rows"]] == ["Ann", "Bob"] and "text" in job["rows"][0]["influence"]
    columns = {column["name"]: column["path"] for column in job["columns"]}
    assert columns["speaker"] == ["speaker"] and columns["influence_face"] == ["influence", "face"]
    assert columns["attention_audio_to_face"] == ["attention", "audio->face"]


def test_the_address_of_a_job_has_the_prefix_of_the_proxy(clip: Path, temporary_folder: Path) -> None:
    with TestClient(create_app(StubPredictor()), root_path="/emotions") as client:
        started = client.post("/emotions/v1/conversations", files={"recording": clip.read_bytes()})
        url = started.json()["url"]
        assert url == f"/emotions/v1/jobs/{started.json()['id']}"
        assert wait_for_job(client, url)["state"] == "done"


def test_recordings_that_fail(client: TestClient, clip: Path) -> None:
    files = {"recording": clip.read_bytes(), "transcript": ("talk.exe", b"x")}
    assert client.post(URL, files=files).status_code == 415
    files = {"recording": clip.read_bytes(), "transcript": ("talk.json", b"[")}
    job = wait_for_job(client, client.post(URL, files=files).json()["url"])
    assert job["state"] == "failed" and "talk" not in job["error"] and job["error"].endswith(".")
    assert (job["rows"], job["columns"]) == ([], [])
    missing = client.get("/v1/jobs/no-such-job")
    assert (missing.status_code, missing.json()) == (
        404,
        make_problem(404, "there is no such job, or it has expired: send the recording again."),
    )


def test_too_many_recordings(clip: Path, temporary_folder: Path) -> None:
    release = threading.Event()
    predictor = StubPredictor(before=lambda: release.wait(10) and None)
    with TestClient(create_app(predictor, limits=Limits(max_jobs=1))) as client:
        responses = [client.post(URL, files={"recording": clip.read_bytes()}) for _ in range(2)]
        release.set()
    assert [response.status_code for response in responses] == [202, 429]
    assert responses[1].headers["retry-after"] == "30"


def test_a_cancelled_job_ends_early(client: TestClient, clip: Path) -> None:
    lines = json.dumps([{"start": number * 1e-4, "end": 1.0, "text": "hi"} for number in range(3000)])
    files = {"recording": clip.read_bytes(), "transcript": ("talk.json", lines)}
    url = client.post(URL, files=files).json()["url"]
    assert client.delete(url).status_code == 200
    assert wait_for_job(client, url)["state"] == "cancelled"


def test_half_characters_of_a_transcript_are_replaced(client: TestClient, clip: Path) -> None:
    lines = '[{"start": 0, "end": 1, "text": "a\\ud800", "speaker": "\\ud800"}]'
    files = {"recording": clip.read_bytes(), "transcript": ("talk.json", lines)}
    job = wait_for_job(client, client.post(URL, files=files).json()["url"])
    assert (job["rows"][0]["text"], job["rows"][0]["speaker"]) == ("a?", "?")


def test_nothing_is_left_when_the_service_stops(clip: Path, temporary_folder: Path) -> None:
    with TestClient(create_app(StubPredictor())) as client:
        for _ in range(3):
            client.post(URL, files={"recording": clip.read_bytes()})
    assert list(temporary_folder.iterdir()) == []
