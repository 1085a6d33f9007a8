"""What every HTTP response has: security headers, a count in the metrics, and one sentence for an invalid request."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from mmerc.serving.metrics import Metrics

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src blob:; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(self)",
}


def add_response_handlers(app: FastAPI, metrics: Metrics) -> None:
    """Add the handlers to the application."""

    @app.exception_handler(RequestValidationError)
    async def explain_invalid_request(request: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"detail": describe_invalid_request(error)}, 422)

    @app.middleware("http")
    async def complete_response(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        route = request.scope.get("route")
        path = getattr(route, "path", "other")  # never the client's path: each would start a new time series
        metrics.requests.labels(path, str(response.status_code)).inc()
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def describe_invalid_request(error: RequestValidationError) -> str:
    """One sentence about the first error, without what was sent, because that may be long."""
    first = error.errors()[0]
    problem = first["msg"][:1].lower() + first["msg"][1:]
    if "UploadFile" in problem:
        problem = "this is text and not a file: send the file itself (curl -F name=@file)"
    return f"{first['loc'][-1]}: {problem}."
