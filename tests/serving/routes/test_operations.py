"""What operators ask."""

from fastapi.testclient import TestClient

from mmerc import __version__
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
