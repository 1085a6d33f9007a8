"""Access control: a request is accepted or refused before a byte of its body is read."""

import asyncio
import hmac
import re
import time
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from mmerc.errors import ConfigError
from mmerc.serving.clients import CLIENT, get_address
from mmerc.serving.limits import Limits
from mmerc.serving.problems import REASON, ProblemResponse

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
OPEN_PATHS = (
    "",
    "/",
    "/docs",
    "/healthz",
    "/readyz",
    "/openapi.json",
    "/stream-schema.json",
)  # without a token; all other paths need it
OPEN_PREFIX = "/static/"
MODEL_PREFIX = "/v1/"  # paths that need the model
METHODS_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")
ANY_HOST = "*"
HOST = re.compile(r"(\[[0-9a-f:.%]+\]|[a-z0-9._-]+)(:[0-9]+)?", re.IGNORECASE)
DEFAULT_PORTS = {"http": 80, "https": 443}
CLOSE = {"Connection": "close"}
Refusal = tuple[int, str, dict[str, str]]  # status, sentence, headers
POLICY_VIOLATION = 1008  # close code of RFC 6455


def is_valid_token(given: str, expected: str | None) -> bool:
    """Whether a client's token gives access. The comparison takes the same time for every wrong token."""
    if expected is None:
        return True
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())


def is_allowed_host(host: str, allowed: Collection[str]) -> bool:
    """Whether a `Host` header, with or without a port, is one of the allowed names.

    This keeps out pages that make their own host name point to this machine (DNS rebinding).

    >>> is_allowed_host("Emo.example.org:8000", ["emo.example.org"]), is_allowed_host("[::1]:8000", ["[::1]"])
    (True, True)
    >>> is_allowed_host("a.example.org", ["*.example.org"]), is_allowed_host("example.com", ["*.example.org"])
    (True, False)
    """
    if ANY_HOST in allowed:
        return True
    match = HOST.fullmatch(host)
    if match is None:
        return False
    name = match[1].lower()
    return any(name == each or (each.startswith("*.") and name.endswith(each[1:])) for each in allowed)


def is_same_origin(origin: str, host: str) -> bool:
    """Whether the page at `origin` was loaded from the `Host` that it sends to.

    >>> is_same_origin("https://emo.example.org", "emo.example.org"), is_same_origin("null", "emo.example.org")
    (True, False)
    """
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


def is_allowed_origin(headers: Headers, allowed: Collection[str]) -> bool:
    """Whether the page that sends a request may do so. Browsers let any page send to any address, and name its origin.

    A request without an origin does not come from a page of another site.
    """
    origin = headers.get("origin")
    return origin is None or is_same_origin(origin, headers.get("host", "")) or origin in allowed


def normalise_host(name: str) -> str:
    """A host name as `is_allowed_host` takes it. A name such as `*.example.org` stands for all names that end so.

    >>> normalise_host("Emo.Example.org"), normalise_host("::1")
    ('emo.example.org', '[::1]')

    Raises:
        ConfigError: it is a URL, has a port, or is no host name.
    """
    bracketed = f"[{name}]" if name.count(":") > 1 and not name.startswith("[") else name
    match = HOST.fullmatch(bracketed.removeprefix("*."))
    if name != ANY_HOST and (match is None or match[2] is not None):
        raise ConfigError(f'"{name}" is not a host name: give it without a scheme and a port, such as emo.example.org.')
    return bracketed.lower()


def normalise_origin(url: str) -> str:
    """An origin as browsers send it.

    >>> normalise_origin("HTTPS://Emo.example.org:443/")
    'https://emo.example.org'

    Raises:
        ConfigError: it is not a scheme and a host, with or without a port.
    """
    advice = "give a scheme and a host, such as https://emo.example.org"
    try:
        parts = urlsplit(url.lower())
        port = parts.port
    except ValueError as error:
        raise ConfigError(f'"{url}" is not an origin ({error}): {advice}.') from error
    has_more = parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in DEFAULT_PORTS or HOST.fullmatch(parts.netloc) is None or has_more:
        raise ConfigError(f'"{url}" is not an origin: {advice}.')
    host = parts.netloc if port is None else parts.netloc.removesuffix(f":{parts.netloc.rpartition(':')[2]}")
    return f"{parts.scheme}://{host}" + ("" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}")


class AccessControl:
    """ASGI middleware that checks host, origin, rate, token and the size of the body, in this order.

    A body is counted while it arrives, so that nothing beyond the limit reaches memory or disk. A live stream sends its
    token in its first message, because browsers cannot send headers with it.

    `allowed_hosts`: as `normalise_host` gives them; `*` allows any. `allowed_origins`: as `normalise_origin` gives them;
    the origin of the service itself is always allowed. `find_obstacle`: why no request for the model can be served now, or "".
    """

    def __init__(
        self,
        app: Any,
        limits: Limits,
        token: str | None,
        allowed_hosts: Collection[str] = (ANY_HOST,),
        allowed_origins: Collection[str] = (),
        find_obstacle: Callable[[], str] = lambda: "",
    ) -> None:
        self.app, self.limits, self.token = app, limits, token
        self.find_obstacle = find_obstacle
        self.allowed_hosts, self.allowed_origins = allowed_hosts, allowed_origins
        self.arriving_bodies = 0
        self.rate = RateLimitItemPerMinute(limits.max_requests_per_minute)
        self.rate_limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            CLIENT.set(get_address(scope))
        if scope["type"] == "http":
            await self._call_http(scope, receive, send)
        elif scope["type"] == "websocket" and (refusal := self._check_stream(scope)) is not None:
            scope[REASON] = refusal[1]
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            await self.app(scope, receive, send)

    async def _call_http(self, scope: Message, receive: Receive, send: Send) -> None:
        refusal = self._check_request(scope)
        if refusal is not None:
            status, sentence, headers = refusal
            await ProblemResponse(scope, status, sentence, {**CLOSE, **headers})(scope, receive, send)
            return
        body = _Body(receive, self.limits)
        has_body = scope["method"] not in METHODS_WITHOUT_BODY
        self.arriving_bodies += has_body
        try:
            await self.app(scope, body.receive_next, send)
        finally:
            self.arriving_bodies -= has_body

    def _check_rate(self, scope: Message) -> Refusal | None:
        """A refusal if the client has begun too many requests in the last minute. This also slows down who guesses tokens."""
        if self.rate_limiter.hit(self.rate, get_address(scope)):
            return None
        sentence = f"more than {self.limits.max_requests_per_minute} requests came from this address in a minute: wait."
        return 429, sentence, {"Retry-After": "10"}

    def _check_stream(self, scope: Message) -> Refusal | None:
        return self._check_sender(Headers(scope=scope)) or self._check_rate(scope)

    def _check_sender(self, headers: Headers, *, check_origin: bool = True) -> Refusal | None:
        """A refusal if the request uses a wrong host name or comes from another site's page."""
        host = headers.get("host", "")
        if not is_allowed_host(host, self.allowed_hosts):
            name = host.encode("ascii", "replace").decode()[:100]
            sentence = f'the service is not available under the host name "{name}": start it with --allowed-host and this name.'
            return 400, sentence, {}
        if check_origin and not is_allowed_origin(headers, self.allowed_origins):
            return (
                403,
                "a page of another site may not use the service: start it with --allowed-origin and the site's URL. If a proxy "
                "serves the page, let it forward the Host header.",
                {},
            )
        return None

    def _check_request(self, scope: Message) -> Refusal | None:
        headers, limits = Headers(scope=scope), self.limits
        has_body = scope["method"] not in METHODS_WITHOUT_BODY
        refusal = self._check_sender(headers, check_origin=has_body)
        if refusal is not None:
            return refusal
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path.startswith(MODEL_PREFIX) and (refusal := self._check_rate(scope)) is not None:
            return refusal
        if path not in OPEN_PATHS and not path.startswith(OPEN_PREFIX):
            scheme, _, given = headers.get("authorization", "").partition(" ")
            if not is_valid_token(given if scheme.lower() == "bearer" else "", self.token):
                return 401, "the token is missing or wrong.", {"WWW-Authenticate": "Bearer"}
        obstacle = self.find_obstacle()
        if obstacle and path.startswith(MODEL_PREFIX):
            return 503, obstacle, {"Retry-After": "5"}
        if not has_body:
            return None
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or len(length) > 18 or int(length) > limits.max_upload_bytes:
            return 413, f"the body is larger than {limits.max_upload_bytes} bytes: send less.", {}
        if self.arriving_bodies >= limits.max_uploads:
            return 429, "too many clients are sending: send it again later.", {"Retry-After": "2"}
        return None


class _Body:
    """The body of a request, with a limit on its size and on the time in which it arrives."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self.receive, self.limits = receive, limits
        self.deadline = time.monotonic() + limits.upload_timeout_seconds
        self.arrived_bytes, self.is_complete = 0, False

    async def receive_next(self) -> Message:
        if self.is_complete:
            return await self.receive()  # only the end of the connection can come now
        try:
            message = await asyncio.wait_for(self.receive(), max(0.0, self.deadline - time.monotonic()))
        except TimeoutError as error:
            sentence = f"the body took more than {self.limits.upload_timeout_seconds:g} s: send it faster."
            raise HTTPException(408, sentence, CLOSE) from error
        self.arrived_bytes += len(message.get("body", b""))
        if self.arrived_bytes > self.limits.max_upload_bytes:
            raise HTTPException(413, f"the body is larger than {self.limits.max_upload_bytes} bytes: send less.", CLOSE)
        self.is_complete = not message.get("more_body", False)
        return message
