"""One shape for all that is refused or fails: problem details (RFC 9457), over HTTP and in live streams."""

from collections.abc import Mapping, MutableMapping
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

REASON = "mmerc.reason"  # key of an ASGI scope: why the request was refused, for the log


def make_problem(status: int, detail: str) -> dict[str, Any]:
    """The members of a problem. `detail`: what is wrong and how to fix it, in one or two sentences.

    >>> make_problem(401, "the token is missing or wrong.")["title"]
    'Unauthorized'
    """
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


class ProblemResponse(JSONResponse):
    """A response that is a problem; its sentence is also kept in `scope` for the log."""

    media_type = "application/problem+json"

    def __init__(
        self, scope: MutableMapping[str, Any], status: int, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        scope[REASON] = detail
        super().__init__(make_problem(status, detail), status, headers)
