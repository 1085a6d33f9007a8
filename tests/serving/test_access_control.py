"""Access control: before a body is read."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from starlette.datastructures import Headers
from starlette.websockets import WebSocketDisconnect

from mmerc.errors import ConfigError
from mmerc.serving import Limits, create_app
from mmerc.serving.access_control import (
    is_allowed_host,
    is_allowed_origin,
    is_valid_token,
    normalise_host,
    normalise_origin,
)
from tests.serving.stub import StubPredictor


@pytest.mark.parametrize(
    ("given", "expected", "is_valid"),
    [("", None, True), ("secret", "secret", True), ("", "secret", False), ("secre", "secret", False),
     ("Secret", "secret", False), ("\ud800", "secret", False), ("pässword", "pässword", True)],
)  # fmt: skip
def test_tokens(given: str, expected: str | None, is_valid: bool) -> None:
    assert is_valid_token(given, expected) is is_valid


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [(None, True), ("http://here:8000", True), ("https://here:8000", True), ("http://here", False),
     ("http://elsewhere:8000", False), ("null", False), ("http://[", False), ("http://here:8000.evil", False),
     ("https://emo.example.org", True), ("http://emo.example.org", False), ("https://emo.example.org.evil", False)],
)  # fmt: skip
def test_origins(origin: str | None, is_allowed: bool) -> None:
    headers = {"host": "here:8000"} | ({} if origin is None else {"origin": origin})
    assert is_allowed_origin(Headers(headers), ["https://emo.example.org"]) is is_allowed


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [("here", True), ("HERE:8000", True), ("[::1]:8138", True), ("a.example.org", True), ("example.org", False),
     ("there", False), ("", False), ("here:", False), ("here:x", False), ("user@here", False), ("here.evil", False)],
)  # fmt: skip
def test_hosts(host: str, is_allowed: bool) -> None:
    assert is_allowed_host(host, ["here", "[::1]", "*.example.org"]) is is_allowed
    assert is_allowed_host(host, ["*"])


@pytest.mark.parametrize("name", ["https://emo.example.org", "emo.example.org:8000", "a b", "", "[::1"])
def test_names_that_are_no_hosts(name: str) -> None:
    with pytest.raises(ConfigError, match="is not a host name: give it without a scheme and a port"):
        normalise_host(name)


@pytest.mark.parametrize(
    ("url", "origin"),
    [("http://[::1]:8138", "http://[::1]:8138"), ("http://Localhost:80/", "http://localhost"), ("https://a:8443", "https://a:8443")],
)  # fmt: skip
def test_origins_are_written_as_browsers_send_them(url: str, origin: str) -> None:
    assert normalise_origin(url) == origin


@pytest.mark.parametrize(
    "url", ["emo.example.org", "ftp://a", "https://a/b", "https://u@a", "https://", "http://a:x", "*"]
)
def test_urls_that_are_no_origins(url: str) -> None:
    with pytest.raises(ConfigError, match="is not an origin.*: give a scheme and a host"):
        normalise_origin(url)


def test_a_body_without_a_length_is_counted(client: TestClient) -> None:
    def parts() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="clip"; filename="a"\r\n\r\n'
        for _ in range(20):
            yield bytes(50_000)

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    response = client.post("/v1/utterances", content=parts(), headers=headers)
    assert response.status_code == 413 and "500000 bytes" in response.json()["detail"]


@pytest.mark.parametrize("length", ["-1", "1e9", "9" * 19, "600000"])
def test_a_length_that_is_wrong_or_too_large(client: TestClient, length: str) -> None:
    response = client.post("/v1/utterances", content=b"x", headers={"Content-Length": length})
    assert response.status_code == 413 and response.headers["connection"] == "close"


def test_a_body_that_arrives_too_slowly() -> None:
    with TestClient(create_app(StubPredictor(), limits=Limits(upload_timeout_seconds=1e-9))) as client:
        response = client.post("/v1/utterances", data={"text": "Hello."})
    assert response.status_code == 408 and response.json()["detail"].endswith("send it faster.")


def test_one_client_that_sends_too_much_does_not_stop_others() -> None:
    app = create_app(StubPredictor(), token="secret", limits=Limits(max_requests_per_minute=3))
    with TestClient(app, client=("192.0.2.1", 1)) as fast:
        codes = [fast.get("/v1/model", headers={"Authorization": f"Bearer {n}"}).status_code for n in range(4)]
        assert codes == [401, 401, 401, 429]
        refused = fast.get("/v1/model", headers={"Authorization": "Bearer secret"})
        assert refused.status_code == 429 and refused.headers["retry-after"] == "10"
        assert fast.get("/healthz").status_code == 200
        other = TestClient(app, client=("192.0.2.2", 1))
        assert other.get("/v1/model", headers={"Authorization": "Bearer secret"}).status_code == 200
        with pytest.raises(WebSocketDisconnect), fast.websocket_connect("/v1/stream"):
            pass
