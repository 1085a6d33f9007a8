"""What every response has."""

import logging

import pytest
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient

from mmerc.serving import create_app
from mmerc.serving.responses import SECURITY_HEADERS, describe_invalid_request
from tests.serving.stub import StubPredictor


def test_every_response_has_the_security_headers(client: TestClient) -> None:
    for path in ("/", "/healthz", "/no/such/page"):
        headers = client.get(path).headers
        assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_the_first_error_is_one_sentence() -> None:
    errors = [{"loc": ("body", "text"), "msg": "Field required"}, {"loc": ("body", "clip"), "msg": "Field required"}]
    assert describe_invalid_request(RequestValidationError(errors)) == "text: field required."


def test_each_request_has_an_id_and_a_line_in_the_log(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mmerc.access"):
        assert (
            client.get("/v1/jobs/secret-id", headers={"X-Request-ID": "proxy-7"}).headers["x-request-id"] == "proxy-7"
        )
        assert len(client.get("/healthz", headers={"X-Request-ID": "a b"}).headers["x-request-id"]) == 16
    first, second = caplog.records
    assert "GET /v1/jobs/{id} 404" in first.getMessage() and "proxy-7 there is no such job" in first.getMessage()
    assert "secret-id" not in caplog.text and second.status == 200  # type: ignore[attr-defined]


def test_a_failure_is_a_problem_and_its_words_are_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    words = "You came back!"

    def fail() -> None:
        raise KeyError(words)

    with TestClient(create_app(StubPredictor(before=fail))) as client:
        response = client.post("/v1/utterances", data={"text": words})
    assert (response.status_code, response.headers["content-type"]) == (500, "application/problem+json")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "KeyError" in caplog.text and "stub.py" in caplog.text and words not in caplog.text
