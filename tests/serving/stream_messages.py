"""Checks of the messages of a live stream against their schema."""

import copy
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator

from mmerc.serving.stream_schema import SERVICE, make_schema


def check_client_message(message: Any) -> None:
    """Raises jsonschema.ValidationError: it is none of the client's messages."""
    make_validator("ClientMessage").validate(message)


def check_service_message(message: Any) -> None:
    """Raises jsonschema.ValidationError: it is none of the service's messages, or has a key that the schema does not name."""
    names = {each.model_fields["type"].annotation.__args__[0]: each.__name__ for each in SERVICE}  # type: ignore[union-attr]
    make_validator(names[message["type"]]).validate(message)


@lru_cache
def make_validator(name: str) -> Draft202012Validator:
    schema = copy.deepcopy(make_schema())
    for each in SERVICE:
        schema["$defs"][each.__name__]["additionalProperties"] = False
    schema["anyOf"] = [{"$ref": f"#/$defs/{name}"}]
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)
