"""The application as a whole: tokens, hosts, origins, and what OpenAPI says of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mmerc.errors import ConfigError
from mmerc.model import Prediction
from mmerc.serving import Limits, create_app, schema
from mmerc.serving.problems import make_problem
from tests.serving.conftest import wait_for_job
from tests.serving.stub import StubPredictor

HELLO = {"text": "Hello."}


def test_the_token() -> None:
    with TestClient(create_app(StubPredictor(), token="secret")) as client:
        assert client.get("/v1/model").json() == make_problem(401, "the token is missing or wrong.")
        assert client.get("/v1/model", headers={"Authorization": "Bearer wrong"}).status_code == 401
        half = {"Authorization": "Bearer \udc80".encode("utf-8", "surrogatepass")}
        assert client.get("/v1/model", headers=half).status_code == 401
        assert client.get("/v1/model", headers={"Authorization": "Bearer secret"}).status_code == 200
        assert client.get("/").status_code == 200 == client.get("/static/page.js").status_code


def test_without_the_token_no_body_is_read() -> None:
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield bytes(10_000)

    with TestClient(create_app(StubPredictor(), token="secret", limits=Limits(max_upload_bytes=1))) as client:
        assert client.post("/v1/utterances", content=body()).status_code == 401


def test_other_hosts_and_other_origins() -> None:
    app = create_app(
        StubPredictor(), allowed_hosts=["localhost", "TestServer"], allowed_origins=["https://emo.example.org:443/"]
    )
    with TestClient(app) as client:

        def post(**headers: str) -> int:
            return client.post("/v1/utterances", data=HELLO, headers=headers).status_code

        assert post(Origin="http://testserver") == 200 == post(Origin="https://emo.example.org")
        assert post(Origin="http://evil.example") == 403 == post(Origin="http://[")
        refused = client.get("/", headers={"Host": "evil.example"})
        assert refused.status_code == 400 and '"evil.example": start it with --allowed-host' in refused.json()["detail"]
        health = client.get("/healthz", headers={"Origin": "http://evil.example"})
        assert health.status_code == 200 and "access-control-allow-origin" not in health.headers
    with pytest.raises(ConfigError, match='"https://a/b" is not an origin'):
        create_app(StubPredictor(), allowed_origins=["https://a/b"])


def test_below_a_prefix_the_token_is_still_needed() -> None:
    app = create_app(StubPredictor(), token="secret")
    with TestClient(app, root_path="/emotions") as client:
        assert client.get("/emotions/v1/model").status_code == 401 == client.get("/v1/model").status_code
        assert client.get("/emotions/healthz").status_code == 200
        assert client.get("/emotions/openapi.json").json()["servers"] == [{"url": "/emotions"}]


def test_refusals_have_the_security_headers_and_are_counted() -> None:
    with TestClient(create_app(StubPredictor(), token="secret")) as client:
        assert client.get("/v1/model").headers["x-content-type-options"] == "nosniff"
        metrics = client.get("/metrics", headers={"Authorization": "Bearer secret"}).text
        assert 'status="401"} 1.0' in metrics


def test_every_response_is_what_openapi_says(client: TestClient, clip: Path) -> None:
    row = client.post("/v1/utterances", files={"clip": clip.read_bytes()}, data={"explain": "true"}).json()
    assert Prediction.model_validate(row).to_dict() == row
    accepted = client.post("/v1/conversations", files={"recording": clip.read_bytes()}).json()
    job = wait_for_job(client, accepted["url"])
    bodies: list[tuple[type[Any], Any]] = [
        (schema.Accepted, accepted),
        (schema.Job, job),
        (schema.Model, client.get("/v1/model").json()),
    ]
    for model, body in bodies:
        assert set(model.model_validate(body).model_dump()) == set(body)


def test_openapi_derives_the_response_from_the_prediction(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    response = document["paths"]["/v1/utterances"]["post"]["responses"]["200"]["content"]["application/json"]
    assert response["schema"] == {"$ref": "#/components/schemas/Prediction"}
    assert list(document["components"]["schemas"]["Prediction"]["properties"]) == list(Prediction.model_fields)
    assert "HTTPBearer" in json.dumps(document["paths"]["/v1/jobs/{id}"]["get"]["security"])


def test_no_request_makes_the_service_fail() -> None:
    schemathesis = pytest.importorskip("schemathesis")
    limits = Limits(max_waiting_utterances=4)
    described = schemathesis.openapi.from_asgi("/openapi.json", create_app(StubPredictor(), limits=limits))
    tests = dict(_make_tests(described))
    assert "/v1/utterances" in tests
    for test in tests.values():
        test()


def _make_tests(described: Any) -> Iterator[tuple[str, Any]]:
    from hypothesis import HealthCheck, given, settings
    from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

    for operation in described.get_all_operations():
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
