"""Problem details (RFC 9457)."""

import json
from typing import Any

from mmerc.serving.problems import REASON, ProblemResponse, make_problem


def test_a_problem_has_the_members_of_the_rfc() -> None:
    assert make_problem(429, "too many requests: wait.") == {
        "type": "about:blank", "title": "Too Many Requests", "status": 429, "detail": "too many requests: wait.",
    }  # fmt: skip


def test_a_response_is_a_problem_and_leaves_its_reason_for_the_log() -> None:
    scope: dict[str, Any] = {}
    response = ProblemResponse(scope, 401, "the token is wrong.", {"WWW-Authenticate": "Bearer"})
    assert response.status_code == 401 and response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"] == "Bearer"
    assert json.loads(bytes(response.body))["detail"] == "the token is wrong." == scope[REASON]
