"""The schema of the messages of a live stream says the same as the code."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import ValidationError

from mmerc.model import Prediction
from mmerc.serving import create_app
from mmerc.serving.protocol import TYPES, BadMessage, parse_text
from mmerc.serving.stream_schema import CLIENT, SERVICE, make_schema
from tests.serving.stream_messages import check_client_message, check_service_message, make_validator
from tests.serving.stub import StubPredictor

VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 40)
    | st.floats(-1, 40)
    | st.sampled_from(["", "Ann", "server", "client", *TYPES, "x" * 101])
    | st.lists(st.integers(), max_size=1)
)
KEYS = sorted({name for each in CLIENT for name in each.model_fields})
MESSAGES = st.builds(
    lambda values, kind: values | {"type": kind},
    st.dictionaries(st.sampled_from([*KEYS, "more"]), VALUES, max_size=3),
    st.sampled_from([*TYPES, "dance"]),
)


@given(MESSAGES)
@settings(max_examples=300, deadline=None)
def test_the_service_takes_what_the_schema_allows(message: dict[str, Any]) -> None:
    try:
        check_client_message(message)
    except ValidationError:
        with pytest.raises(BadMessage):
            parse_text(json.dumps(message))
    else:
        assert parse_text(json.dumps(message)).type == message["type"]


def test_each_message_has_its_schema() -> None:
    schema = make_schema()
    client, service = (schema["$defs"][side]["oneOf"] for side in ("ClientMessage", "ServiceMessage"))
    assert [each["$ref"].rpartition("/")[2] for each in client] == ["Start", "Text", "End", "Enrol", "Stop"]
    assert {each.model_fields["type"].default for each in CLIENT} == set(TYPES)
    assert len(service) == len(SERVICE) == 6
    for definition in schema["$defs"].values():
        assert "type" in definition.get("required", ["type"]) or "type" not in definition["properties"]
    prediction = schema["$defs"]["StreamPrediction"]["properties"]
    assert list(prediction)[: len(Prediction.model_fields)] == list(Prediction.model_fields)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "speech"},
        {"type": "speech", "start": "1"},
        {"type": "nothing", "more": 1},
        {"type": "enrolled", "name": "Ann", "seconds": None},
        {"type": "prediction", "emotion": "joy"},
    ],
)
def test_the_check_finds_what_is_wrong(message: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check_service_message(message)
    with pytest.raises(ValidationError):
        make_validator("ClientMessage").validate(message)


def test_it_is_served_without_a_token() -> None:
    with TestClient(create_app(StubPredictor(), token="secret")) as client:
        response = client.get("/stream-schema.json")
        assert response.json() == make_schema() and response.headers["content-type"] == "application/schema+json"
        assert "(stream-schema.json)" in client.get("/openapi.json").json()["info"]["description"]
