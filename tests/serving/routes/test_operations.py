"""What operators ask."""

import threading
import time
from collections.abc import Callable

from fastapi.testclient import TestClient

from mmerc import __version__
from mmerc.errors import RunError
from mmerc.serving import create_app
from tests.serving.stub import StubPredictor


def test_the_model(client: TestClient) -> None:
    model = client.get("/v1/model").json()
    assert model["labels"][0] == "anger" and model["colours"]["anger"] == "#D55E00"
    assert (model["name"], model["trained_on"], model["coverage"]) == ("stub", "nothing", 0.9)
    assert model["warning"] == "This is a stub."
    assert model["modalities"] == ["text", "audio", "face"] and model["version"] == __version__


def test_the_metrics_hold_no_text_of_clients(client: TestClient) -> None:
    client.get("/no/such/page")
    client.post("/v1/utterances", data={"text": "Hello."})
    text = client.get("/metrics").text
    assert 'mmerc_requests_total{path="other",status="404"} 1.0' in text and "no/such" not in text
    assert 'mmerc_requests_total{path="/v1/utterances",status="200"} 1.0' in text
    assert 'mmerc_prediction_seconds_count{transport="http"} 1.0' in text and "mmerc_streams 0.0" in text


def test_health_needs_no_token() -> None:
    with TestClient(create_app(StubPredictor(), token="secret")) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/metrics").status_code == 401


def test_while_the_model_loads_the_service_answers() -> None:
    release, loaded = threading.Event(), []

    def load() -> StubPredictor:
        release.wait(10)
        loaded.append(1)
        return StubPredictor()

    with TestClient(create_app(load, token="secret")) as client:
        client.headers["Authorization"] = "Bearer secret"
        assert client.get("/healthz").json() == {"status": "ok"}
        refused = client.get("/readyz")
        assert refused.status_code == 503 and refused.headers["retry-after"] == "5"
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["detail"] == "the model is loading: send it again later."
        assert client.post("/v1/utterances", data={"text": "Hello."}).status_code == 503
        with client.websocket_connect("/v1/stream") as socket:
            socket.send_json({"type": "start", "token": "secret"})
            assert socket.receive_json()["status"] == 503
        assert client.post("/v1/model/reload").status_code == 503
        release.set()
        wait_until(lambda: client.get("/readyz").status_code == 200)
        assert client.post("/v1/model/reload").json()["name"] == "stub" and loaded == [1, 1]


def test_a_reload_that_fails_keeps_the_model() -> None:
    models = [StubPredictor]

    def load() -> StubPredictor:
        if not models:
            raise RunError("RUN/model is no model: give another folder.")
        return models.pop()()

    with TestClient(create_app(load, token="secret")) as client:
        client.headers["Authorization"] = "Bearer secret"
        wait_until(lambda: client.get("/readyz").status_code == 200)
        failed = client.post("/v1/model/reload")
        assert failed.status_code == 500 and failed.json()["detail"].endswith("is no model: give another folder.")
        assert client.post("/v1/utterances", data={"text": "Hello."}).status_code == 200


def test_who_may_load_the_model_again(client: TestClient) -> None:
    assert client.post("/v1/model/reload").status_code == 403
    with TestClient(create_app(StubPredictor(), token="secret")) as with_token:
        assert with_token.post("/v1/model/reload").status_code == 401
        headers = {"Authorization": "Bearer secret"}
        assert with_token.post("/v1/model/reload", headers=headers).status_code == 409


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
