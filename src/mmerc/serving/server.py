"""The HTTP server: the address where it listens, the host names that it accepts, and its limits."""

import asyncio
import math
import re
import socket
from collections.abc import Sequence
from types import FrameType

import uvicorn
from fastapi import FastAPI

from mmerc.errors import ConfigError
from mmerc.serving.access_control import ANY_HOST, normalise_host
from mmerc.serving.limits import Limits
from mmerc.serving.service import Service

BACKLOG = 2048  # connections that the system holds until the server accepts them
DRAIN_SECONDS = 30.0  # time for requests and streams that have begun when the service stops
ALL_INTERFACES = ("0.0.0.0", "::")  # nosec B104: compared with --host, which is 127.0.0.1 by default
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
ROOT_PATH = re.compile(r"(/[A-Za-z0-9_.~-]+)*")


def list_allowed_hosts(host: str, names: Sequence[str] = ()) -> list[str]:
    """The host names under which clients may reach a service that listens at `host`.

    `names`: further names, such as the one of a proxy. Without them, a service that is open to all interfaces accepts any
    name, because the names of such a machine are not known here.

    >>> list_allowed_hosts("0.0.0.0")
    ['*']
    >>> list_allowed_hosts("192.168.0.7", ["emo.example.org"])
    ['localhost', '127.0.0.1', '[::1]', '192.168.0.7', 'emo.example.org']

    Raises:
        ConfigError: a name is not a host name.
    """
    further = [normalise_host(name) for name in names]
    if host in ALL_INTERFACES:
        return [*LOCAL_NAMES, *further] if further else [ANY_HOST]
    return list(dict.fromkeys([*LOCAL_NAMES, normalise_host(host), *further]))


def is_open(host: str) -> bool:
    """Whether other machines can reach a service that listens at `host`."""
    return host not in ("localhost", "::1") and not host.startswith("127.")


def format_url(host: str, port: int, root_path: str = "") -> str:
    """The address of the page.

    >>> format_url("127.0.0.1", 8000), format_url("::1", 8138)
    ('http://127.0.0.1:8000/', 'http://[::1]:8138/')
    """
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{root_path}/"


def normalise_root_path(prefix: str) -> str:
    """The prefix below which a proxy serves the application, without a slash at its end.

    >>> normalise_root_path("/emotions/"), normalise_root_path("/")
    ('/emotions', '')

    Raises:
        ConfigError: it does not begin with a slash, or has characters that a path may not have.
    """
    root_path = prefix.rstrip("/")
    if ROOT_PATH.fullmatch(root_path) is None:
        raise ConfigError(f'"{prefix}" is not a path: begin it with a slash, such as /emotions.')
    return root_path


def check_token(token: str | None) -> None:
    """Check that clients can send the token.

    Raises:
        ConfigError: it is empty, begins or ends with a space, or has characters that a header may not have.
    """
    if token is not None and not (token and token == token.strip() and token.isascii() and token.isprintable()):
        raise ConfigError(
            "the token is empty, begins or ends with a space, or has characters outside of ASCII: choose another one."
        )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at the address.

    Raises:
        ConfigError: the port is in use, or the host is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError(
            f"the service cannot listen at {host}, port {port} ({error.strerror}): choose another --port, or a --host of "
            "this machine."
        ) from error


def serve(
    application: FastAPI,
    listener: socket.socket,
    limits: Limits,
    *,
    root_path: str = "",
    proxy_addresses: str | None = None,
    drain_seconds: float = DRAIN_SECONDS,
) -> None:
    """Serve requests at the socket until the process is terminated. Then requests and streams that have begun get `drain_seconds` to end.

    `root_path`: the prefix below which a proxy serves the application, as `normalise_root_path` gives it; the proxy must
    remove it from the path (nginx: `location /emotions/ { proxy_pass http://127.0.0.1:8000/; }`). `proxy_addresses`: addresses and
    networks, with commas, of the proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed; by default none.

    Raises:
        MmercError: the model cannot be loaded.
    """
    config = uvicorn.Config(
        application,
        log_level="warning",
        ws_max_size=limits.max_message_bytes,
        timeout_keep_alive=30,
        limit_concurrency=limits.max_connections,
        root_path=root_path,
        proxy_headers=proxy_addresses is not None,
        forwarded_allow_ips=proxy_addresses,
        timeout_graceful_shutdown=math.ceil(drain_seconds),
        access_log=False,  # the application logs with more detail
        log_config=None,
    )
    service: Service = application.state.service
    server = DrainingServer(config, service, drain_seconds)
    service.on_failure = server.stop
    server.run(sockets=[listener])
    if service.load_error is not None:
        raise service.load_error


class DrainingServer(uvicorn.Server):
    """A server that, on the first signal, refuses new work, ends its live streams, and then exits."""

    def __init__(self, config: uvicorn.Config, service: Service, drain_seconds: float) -> None:
        super().__init__(config)
        self.service, self.drain_seconds = service, drain_seconds

    def stop(self) -> None:
        """Exit."""
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; exit at once with a second signal."""
        if self.service.is_draining:
            super().handle_exit(sig, frame)
            return
        self._captured_signals.append(sig)
        self.loop.call_soon_threadsafe(self._start_drain)

    def _start_drain(self) -> None:
        self.service.start_drain()
        self.drain_task = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        """Wait until no stream is left; uvicorn itself waits for the other requests."""
        deadline = self.loop.time() + self.drain_seconds
        while self.service.streams and self.loop.time() < deadline:
            await asyncio.sleep(0.05)
        self.stop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start; signals come to this event loop."""
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)
