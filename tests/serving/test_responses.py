"""What every response has."""

from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient

from mmerc.serving.responses import SECURITY_HEADERS, describe_invalid_request


def test_every_response_has_the_security_headers(client: TestClient) -> None:
    for path in ("/", "/healthz", "/no/such/page"):
        headers = client.get(path).headers
        assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_the_first_error_is_one_sentence() -> None:
    errors = [{"loc": ("body", "text"), "msg": "Field required"}, {"loc": ("body", "clip"), "msg": "Field required"}]
    assert describe_invalid_request(RequestValidationError(errors)) == "text: field required."
