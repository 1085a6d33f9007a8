"""The HTTP routes, as a client sees them."""

import json
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mmerc import Predictor
from mmerc.serving import Limits, create_app, schema


@pytest.fixture(scope="module")
def predictor(small_run: Path) -> Predictor:
    return Predictor.load(small_run / "model")


@pytest.fixture(scope="module")
def clip(small_corpus: Path) -> Path:
    return sorted((small_corpus / "train_splits").iterdir())[0]


@pytest.fixture
def client(predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """Uploads go below `tmp_path`, where nothing may be left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with TestClient(create_app(predictor, limits=Limits(upload_bytes=500_000, utterance_seconds=5))) as client:
        yield client
    assert list(tmp_path.iterdir()) == []


def waited(client: TestClient, url: str) -> dict[str, Any]:
    until = time.monotonic() + 60
    while (job := client.get(url).json())["state"] in ("waiting", "running"):
        assert time.monotonic() < until
        time.sleep(0.05)
    return dict(job)


def test_words_alone_and_a_clip_with_words(client: TestClient, clip: Path) -> None:
    alone = client.post("/v1/utterances", data={"text": "You came back!", "speaker": "Ann"}).json()
    assert alone["modalities"] == ["text"] and alone["speaker"] == "Ann"
    assert alone["missing"] == {"audio": "it has no clip", "face": "it has no clip"}
    both = client.post("/v1/utterances", data={"text": "Hello."}, files={"clip": clip.read_bytes()}).json()
    assert both["modalities"] == ["text", "audio", "face"] and both["missing"] == {}
    assert sum(both["probabilities"].values()) == pytest.approx(1, abs=1e-4)


def test_a_conversation_is_remembered_under_its_name(client: TestClient) -> None:
    said = {"text": "Oh no.", "conversation": "kitchen", "explain": "true"}
    rows = [client.post("/v1/utterances", data=said).json() for _ in range(3)]
    assert [row["utterance"] for row in rows] == [0, 1, 2] and rows[0]["dialogue"] == "kitchen"
    assert client.post("/v1/utterances", data=said | {"conversation": "hall"}).json()["utterance"] == 0
    assert list(rows[1]["influence"]) == ["text"]


@pytest.mark.parametrize(
    "data, code",
    [
        ({}, 422),
        ({"text": "  "}, 422),
        ({"text": "a", "conversation": "../../etc"}, 422),
        ({"text": "x" * 10_001}, 422),
    ],
)
def test_what_cannot_be_answered(client: TestClient, data: dict[str, str], code: int) -> None:
    response = client.post("/v1/utterances", data=data)
    assert response.status_code == code and response.json()["detail"]


def test_no_medium_too_long_and_too_large(client: TestClient, clip: Path, real_clip: bytes) -> None:
    def send(content: bytes) -> Any:
        return client.post("/v1/utterances", files={"clip": ("../../../etc/passwd", content)})

    assert send(b"no film").status_code == 415 and "no audio or video" in send(b"no film").json()["detail"]
    assert send(bytes(600_000)).status_code == 413
    assert "6 s, more than 5" in send(real_clip).json()["detail"]


@pytest.fixture
def real_clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    from tests.media.clips import write_video

    return write_video(tmp_path_factory.mktemp("long") / "a.mp4", frames=72).read_bytes()


def test_a_body_without_a_length_is_counted(client: TestClient) -> None:
    def drops() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="clip"; filename="a"\r\n\r\n'
        for _ in range(20):
            yield bytes(50_000)

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    response = client.post("/v1/utterances", content=drops(), headers=headers)
    assert response.status_code == 413 and "500000 bytes" in response.json()["detail"]


def test_a_recording_with_a_transcript(client: TestClient, clip: Path) -> None:
    words = b"1\n00:00:00,000 --> 00:00:00,800\nAnn: You came back!\n\n2\n00:00:00,800 --> 00:00:01,500\nBob: I did.\n"
    files = {"recording": clip.read_bytes(), "transcript": ("said.SRT", words)}
    started = client.post("/v1/conversations", files=files, data={"explain": "true"})
    assert started.status_code == 202
    job = waited(client, started.json()["url"])
    assert (job["state"], job["done"], job["total"]) == ("done", 2, 2)
    assert [row["speaker"] for row in job["rows"]] == ["Ann", "Bob"] and "text" in job["rows"][0]["influence"]


def test_recordings_that_fail(client: TestClient, clip: Path) -> None:
    files = {"recording": clip.read_bytes(), "transcript": ("said.exe", b"x")}
    assert client.post("/v1/conversations", files=files).status_code == 415
    files = {"recording": clip.read_bytes(), "transcript": ("said.json", b"[")}
    job = waited(client, client.post("/v1/conversations", files=files).json()["url"])
    assert job["state"] == "failed" and "said" not in job["error"] and job["error"].endswith(".")
    assert client.get("/v1/jobs/no-such-job").status_code == 404


def test_too_many_recordings(predictor: Predictor, clip: Path) -> None:
    with TestClient(create_app(predictor, limits=Limits(jobs=1))) as client:
        codes = [client.post("/v1/conversations", files={"recording": clip.read_bytes()}).status_code for _ in range(3)]
    assert codes[0] == 202 and 429 in codes


def test_concurrent_clients_get_the_answers_that_they_get_alone(predictor: Predictor) -> None:
    said = [f"What a day number {number}!" for number in range(12)]
    with TestClient(create_app(predictor)) as client:

        def ask(text: str) -> dict[str, float]:
            return dict(client.post("/v1/utterances", data={"text": text}).json()["probabilities"])

        alone = [ask(text) for text in said]
        with ThreadPoolExecutor(6) as threads:
            together = list(threads.map(ask, said))
    for one, other in zip(alone, together, strict=True):
        assert other == pytest.approx(one, abs=1e-3)


def test_the_token(predictor: Predictor) -> None:
    with TestClient(create_app(predictor, token="secret")) as client:
        assert client.get("/v1/model").status_code == 401
        assert client.get("/v1/model", headers={"Authorization": "Bearer wrong"}).status_code == 401
        found = client.get("/v1/model", headers={"Authorization": "Bearer secret"}).json()
        assert found["modalities"] == ["text", "audio", "face"] and found["labels"][0] == "anger"
        assert client.get("/healthz").json() == {"status": "ok"} and client.get("/").status_code == 200


def test_it_counts_and_its_page_asks_nobody_else(client: TestClient) -> None:
    client.get("/no/such/page")
    counted = client.get("/metrics").text
    assert 'mmerc_requests_total{path="other",status="404"} 1.0' in counted and "no/such" not in counted
    page = client.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"] and "http://" not in page.text
    assert client.get("/page/..%2f..%2fapp.py").status_code == 404
    assert client.get("/page/timeline.js").headers["content-type"].startswith("text/javascript")
    assert (
        "access-control-allow-origin" not in client.get("/healthz", headers={"Origin": "http://evil.example"}).headers
    )


def test_every_answer_is_what_the_document_says(client: TestClient, clip: Path) -> None:
    answer = client.post("/v1/utterances", files={"clip": clip.read_bytes()}, data={"explain": "true"}).json()
    assert set(answer) == set(schema.LiveAnswer.model_validate(answer).model_dump())
    accepted = client.post("/v1/conversations", files={"recording": clip.read_bytes()}).json()
    assert set(accepted) == set(schema.Accepted.model_validate(accepted).model_dump())
    job = waited(client, accepted["url"])
    assert set(job) == set(schema.Job.model_validate(job).model_dump()) and len(job["rows"]) == 1
    model = client.get("/v1/model").json()
    assert set(model) == set(schema.Model.model_validate(model).model_dump())
    for refused in (
        client.post("/v1/utterances", json={"text": "x"}),
        client.post("/v1/utterances", data={"clip": "x"}),
    ):
        assert refused.status_code == 422 and set(refused.json()) == {"detail"}
    assert "send the file itself" in refused.json()["detail"]


def test_no_schema_makes_it_fail(predictor: Predictor) -> None:
    schemathesis = pytest.importorskip("schemathesis")
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(predictor, limits=Limits(waiting=4)))
    tests = dict(_each(schema))
    assert "/v1/utterances" in tests
    for test in tests.values():
        test()


def _each(schema: Any) -> Iterator[tuple[str, Any]]:
    from hypothesis import HealthCheck, given, settings
    from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

    for operation in schema.get_all_operations():
        found = operation.ok()

        @given(case=found.as_strategy())
        @settings(
            max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
        )
        def test(case: Any) -> None:
            response = case.call()
            assert response.status_code < 500, (case.path, response.text)
            case.validate_response(response, checks=[status_code_conformance, response_schema_conformance])

        yield found.path, test


def test_a_job_ends_when_nobody_wants_it(client: TestClient, clip: Path) -> None:
    many = json.dumps([{"start": number * 1e-4, "end": 1.0, "text": "hi"} for number in range(3000)])
    files = {"recording": clip.read_bytes(), "transcript": ("said.json", many)}
    url = client.post("/v1/conversations", files=files).json()["url"]
    while client.get(url).json()["state"] == "waiting":
        time.sleep(0.02)
    assert client.delete(url).status_code == 200
    assert waited(client, url)["state"] == "cancelled"


def test_too_many_utterances_in_a_recording(predictor: Predictor, clip: Path) -> None:
    many = json.dumps([{"start": 0, "end": 1.0, "text": f"hi {number}"} for number in range(4)])
    files = {"recording": clip.read_bytes(), "transcript": ("said.json", many)}
    with TestClient(create_app(predictor, limits=Limits(conversation_utterances=3))) as client:
        job = waited(client, client.post("/v1/conversations", files=files).json()["url"])
    assert (job["state"], job["error"]) == ("failed", "it has more than 3 utterances: send a part of it.")


def test_half_characters(client: TestClient, clip: Path) -> None:
    rows = '[{"start": 0, "end": 1, "text": "a\\ud800", "speaker": "\\ud800"}]'
    files = {"recording": clip.read_bytes(), "transcript": ("said.json", rows)}
    job = waited(client, client.post("/v1/conversations", files=files).json()["url"])
    assert (job["rows"][0]["text"], job["rows"][0]["speaker"]) == ("a?", "?")
    body = b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\na\\ud800\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b; charset=unicode_escape"}
    assert client.post("/v1/utterances", content=body, headers=headers).status_code in (200, 400, 422)


def test_what_is_wrong_is_one_sentence_without_what_was_sent(client: TestClient) -> None:
    response = client.post("/v1/utterances", data={"text": "x" * 20_000})
    assert response.status_code == 422
    assert response.json() == {"detail": "text: string should have at most 10000 characters."}


def test_without_a_token_no_body_is_taken(predictor: Predictor) -> None:
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield bytes(10_000)

    with TestClient(create_app(predictor, token="secret")) as client:
        assert client.post("/v1/utterances", content=body()).status_code == 401
        wrong = {"Authorization": "Bearer \udc80".encode("utf-8", "surrogatepass")}
        assert client.get("/v1/model", headers=wrong).status_code == 401


def test_other_sites_and_other_names(predictor: Predictor) -> None:
    app = create_app(predictor, hosts=["localhost", "testserver"])
    with TestClient(app) as client:
        said = {"text": "Hello."}
        assert client.post("/v1/utterances", data=said, headers={"Origin": "http://testserver"}).status_code == 200
        assert client.post("/v1/utterances", data=said, headers={"Origin": "http://evil.example"}).status_code == 403
        assert client.post("/v1/utterances", data=said, headers={"Origin": "http://["}).status_code == 403
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_nothing_is_left_when_the_service_stops_in_the_middle(
    predictor: Predictor, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with TestClient(create_app(predictor, limits=Limits(answer_seconds=0.01))) as client:
        for _ in range(3):
            assert client.post("/v1/utterances", files={"clip": clip.read_bytes()}).status_code == 504
        client.post("/v1/conversations", files={"recording": clip.read_bytes()})
    assert list(tmp_path.iterdir()) == []
