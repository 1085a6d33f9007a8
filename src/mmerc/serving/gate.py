"""The first thing that sees a request: who may come in is decided before a byte of a body is taken."""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from mmerc.serving.limits import Limits

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
GUARDED = ("/v1/", "/metrics")
WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")
CLOSE = {"Connection": "close"}


def same_token(given: str, right: str | None) -> bool:
    """Whether somebody may come in; takes as long for every wrong token."""
    if right is None:
        return True
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), right.encode())


def same_place(headers: Headers) -> bool:
    """Browsers let any page send to any place, and say from where it was loaded: it must be here, or no page at all."""
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc == headers.get("host")
    except ValueError:
        return False


class Gate:
    """ASGI middleware. A body is counted while it arrives: nothing beyond the limit ever reaches memory or disk."""

    def __init__(self, app: Any, limits: Limits, token: str | None) -> None:
        self.app, self.limits, self.token = app, limits, token
        self.arriving = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        body = _Body(receive, self.limits)
        counts = scope["method"] not in WITHOUT_BODY
        self.arriving += counts
        try:
            await self.app(scope, body.next, send)
        finally:
            self.arriving -= counts

    def _refusal(self, scope: Message) -> JSONResponse | None:
        headers, limits = Headers(scope=scope), self.limits
        if scope["path"].startswith(GUARDED):
            kind, _, given = headers.get("authorization", "").partition(" ")
            if not same_token(given if kind.lower() == "bearer" else "", self.token):
                return _said(401, "the token is missing or wrong.", {"WWW-Authenticate": "Bearer"})
        if scope["method"] in WITHOUT_BODY:
            return None
        if not same_place(headers):
            return _said(403, "another site's page may not use the service.")
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or len(length) > 18 or int(length) > limits.upload_bytes:
            return _said(413, f"the body is larger than {limits.upload_bytes} bytes: send less.")
        if self.arriving >= limits.uploads:
            return _said(429, "too many are sending: send it again later.", {"Retry-After": "2"})
        return None


def _said(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status, {**CLOSE, **(headers or {})})


class _Body:
    def __init__(self, receive: Receive, limits: Limits) -> None:
        self.receive, self.limits = receive, limits
        self.until = time.monotonic() + limits.upload_seconds
        self.arrived, self.whole = 0, False

    async def next(self) -> Message:
        if self.whole:
            return await self.receive()  # what comes now is only the end of the connection
        try:
            message = await asyncio.wait_for(self.receive(), max(0.0, self.until - time.monotonic()))
        except TimeoutError as error:
            sentence = f"the body took more than {self.limits.upload_seconds:g} s: send it faster."
            raise HTTPException(408, sentence, CLOSE) from error
        self.arrived += len(message.get("body", b""))
        if self.arrived > self.limits.upload_bytes:
            raise HTTPException(413, f"the body is larger than {self.limits.upload_bytes} bytes: send less.", CLOSE)
        self.whole = not message.get("more_body", False)
        return message
