"""What the client sends and reads is in the service's own description."""

import json
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient

from mmerc.client import Job, ServedModel, ServiceError
from mmerc.client.messages import (
    END,
    STOP,
    STREAM_PATH,
    Answer,
    Call,
    ask_recording,
    ask_utterance,
    check_response,
    make_enrol,
    make_sound,
    make_start,
    make_text,
    parse_message,
)
from mmerc.serving import create_app, protocol
from tests.serving.stream_messages import check_client_message
from tests.serving.stub import StubPredictor


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(StubPredictor()).openapi()


def find_schema(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A schema, or the one that it refers to."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return dict(document["components"]["schemas"][name]) if name else schema


@pytest.mark.parametrize("call", [ask_utterance(b"x", "a", "b", "c", True), ask_recording(__file__, __file__, True)])
def test_every_field_that_is_sent_is_described(call: Call, document: dict[str, Any]) -> None:
    content = document["paths"][call.path][call.method.lower()]["requestBody"]["content"]["multipart/form-data"]
    described = find_schema(document, content["schema"])["properties"]
    assert set(call.data) | set(call.files) <= set(described)


@pytest.mark.parametrize(
    ("path", "method", "answer"),
    [("/v1/model", "get", ServedModel), ("/v1/jobs/{id}", "get", Job), ("/v1/jobs/{id}", "delete", Job)],
)
def test_every_field_that_is_read_is_described(
    path: str, method: str, answer: type[Answer], document: dict[str, Any]
) -> None:
    content = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]
    described = find_schema(document, content["schema"])["properties"]
    assert set(answer.model_fields) <= set(described)


def test_messages_of_a_stream_are_those_of_the_protocol() -> None:
    options = {"speaker": "Ann", "segmentation": "client", "explain": True, "interim": False}
    assert protocol.parse_text(make_start("secret", options)) == protocol.Start(token="secret", **options)  # type: ignore[arg-type]
    assert protocol.parse_text(make_text("Hi", "Ann", 0.5, None, False)) == protocol.Text(
        text="Hi", speaker="Ann", start=0.5, final=False
    )
    for samples in (np.array([0, 32767, -32767], np.int16), np.array([0.0, 1.0, -2.0])):
        found = protocol.parse_bytes(make_sound(samples), 100)
        assert isinstance(found, protocol.Sound) and found.samples.tolist() == [0, 32767, -32767]
    with TestClient(create_app(StubPredictor())) as client, client.websocket_connect(STREAM_PATH) as socket:
        socket.send_text(make_start(None, {}))
        assert parse_message(socket.receive_text())["type"] == "ready"


def test_messages_of_a_stream_are_what_the_schema_says() -> None:
    options = {"speaker": "Ann", "segmentation": "client", "explain": True, "interim": False, "speakers": False}
    samples = np.zeros(48_000, np.int16)
    sent = [
        make_start(None, {}), make_start("secret", options), make_text("Hi", "", None, None, True), make_text("Hi", "Ann", 0.5, 1.0, False),
        make_enrol("Ann", 5.0), make_enrol("Ann", 5.0, samples), END, STOP,
    ]  # fmt: skip
    for text in sent:
        check_client_message(json.loads(text))
        protocol.parse_text(text)
    assert {json.loads(text)["type"] for text in sent} == set(protocol.TYPES)
    enrol = protocol.parse_text(sent[5])
    assert isinstance(enrol, protocol.Enrol) and enrol.decode_sound().tolist() == samples.tolist()


def test_refusals_are_errors_with_the_services_sentence() -> None:
    with pytest.raises(ServiceError, match="too large"):
        check_response(httpx.Response(413, json={"detail": "too large"}))
    with pytest.raises(ServiceError, match="a proxy's page"):
        check_response(httpx.Response(502, text="a proxy's page"))
    with pytest.raises(ServiceError, match="wrong") as refused:
        parse_message(json.dumps(protocol.make_error("the token is wrong.", 401)))
    assert refused.value.status == 401
