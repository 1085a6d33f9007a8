"""Who comes in, before a body is read."""

import pytest
from starlette.datastructures import Headers

from mmerc.serving.gate import same_place, same_token


@pytest.mark.parametrize(
    ("given", "right", "opens"),
    [("", None, True), ("secret", "secret", True), ("", "secret", False), ("secre", "secret", False),
     ("Secret", "secret", False), ("\ud800", "secret", False), ("pässword", "pässword", True)],
)  # fmt: skip
def test_the_token(given: str, right: str | None, opens: bool) -> None:
    assert same_token(given, right) is opens


@pytest.mark.parametrize(
    ("origin", "opens"),
    [(None, True), ("http://here:8000", True), ("https://here:8000", True), ("http://here", False),
     ("http://elsewhere:8000", False), ("null", False), ("http://[", False), ("http://here:8000.evil", False)],
)  # fmt: skip
def test_a_page_of_another_site(origin: str | None, opens: bool) -> None:
    headers = {"host": "here:8000"} | ({} if origin is None else {"origin": origin})
    assert same_place(Headers(headers)) is opens
