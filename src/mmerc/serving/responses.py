"""What every response has: security headers, a request ID, a count in the metrics, a line in the log, and one sentence if it is a refusal."""

import logging
import time
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from mmerc.serving.access_control import Message, Receive, Send
from mmerc.serving.logs import REQUEST_ID, choose_request_id, log_failure
from mmerc.serving.metrics import Metrics
from mmerc.serving.problems import REASON, ProblemResponse

access_log = logging.getLogger("mmerc.access")
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src blob:; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(self)",
}
FAILURE = "the service failed on this request: its log has the details."


class CompleteResponses:
    """ASGI middleware around all others."""

    def __init__(self, app: Any, metrics: Metrics, has_log: bool = True) -> None:
        self.app, self.metrics, self.has_log = app, metrics, has_log

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = choose_request_id(Headers(scope=scope).get("x-request-id"))
        REQUEST_ID.set(request_id)
        started, status = time.monotonic(), 0

        async def send_complete(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in {**SECURITY_HEADERS, "X-Request-ID": request_id}.items():
                    headers.setdefault(name, value)
            elif message["type"] == "websocket.close":
                status = message.get("code", 1000)
            await send(message)

        try:
            await self.app(scope, receive, send_complete)
        except Exception as error:
            log_failure("a request failed", error)
            if status or scope["type"] == "websocket":
                raise
            await ProblemResponse(scope, 500, FAILURE)(scope, receive, send_complete)
        finally:
            self._record(scope, status, time.monotonic() - started, request_id)

    def _record(self, scope: Message, status: int, seconds: float, request_id: str) -> None:
        # Never the client's path: each would start a new time series, and the ID of a job gives access to it.
        path = getattr(scope.get("route"), "path", "other")
        if scope["type"] == "http":
            self.metrics.requests.labels(path, str(status)).inc()
        if not self.has_log:
            return
        client = (scope.get("client") or ("-",))[0]
        method, reason = scope.get("method", "WS"), scope.get(REASON, "")
        fields = {"client": client, "method": method, "path": path, "status": status, "seconds": round(seconds, 3)}
        line = f"{client} {method} {path} {status} {seconds:.3f} s {request_id} {reason}".rstrip()
        access_log.info(line, extra={**fields, "reason": reason})


def add_error_handlers(app: FastAPI) -> None:
    """Make a problem of each refusal."""

    @app.exception_handler(RequestValidationError)
    async def explain_invalid_request(request: Request, error: RequestValidationError) -> ProblemResponse:
        return ProblemResponse(request.scope, 422, describe_invalid_request(error))

    @app.exception_handler(HTTPException)
    async def explain_refusal(request: Request, error: HTTPException) -> ProblemResponse:
        return ProblemResponse(request.scope, error.status_code, str(error.detail), error.headers)


def describe_invalid_request(error: RequestValidationError) -> str:
    """One sentence about the first error, without what was sent, because that may be long."""
    first = error.errors()[0]
    problem = first["msg"][:1].lower() + first["msg"][1:]
    if "UploadFile" in problem:
        problem = "this is text and not a file: send the file itself (curl -F name=@file)"
    return f"{first['loc'][-1]}: {problem}."
