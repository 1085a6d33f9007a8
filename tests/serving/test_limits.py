"""The limits."""

import re

import pytest
from pydantic import ValidationError

from mmerc.serving import Limits


def test_each_limit_has_a_unit_and_a_description() -> None:
    for name, field in Limits.model_fields.items():
        assert re.fullmatch(r"max_\w+|\w+_seconds", name) and field.description, name


def test_unknown_and_impossible_limits_are_refused() -> None:
    with pytest.raises(ValidationError):
        Limits.model_validate({"upload_bytes": 5})
    with pytest.raises(ValidationError):
        Limits(max_jobs=0)
