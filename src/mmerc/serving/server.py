"""Where the application listens, and under which limits of its own the server answers."""

import socket
from collections.abc import Sequence

import uvicorn
from fastapi import FastAPI

from mmerc.errors import ConfigError
from mmerc.serving.limits import Limits

WAITING = 2048  # connections that the system holds before the server takes them
EVERYWHERE = ("0.0.0.0", "::")


def names_of(host: str) -> Sequence[str]:
    """The names under which a service at `host` may be asked for; any, where it is open to other machines.

    >>> names_of("0.0.0.0")
    ['*']
    >>> names_of("192.168.0.7")
    ['localhost', '127.0.0.1', '[::1]', '192.168.0.7']
    """
    # A machine that is open to others has names that only its owner knows.
    return ["*"] if host in EVERYWHERE else ["localhost", "127.0.0.1", "[::1]", host]


def is_open(host: str) -> bool:
    """Whether other machines reach it."""
    return host not in ("localhost", "::1") and not host.startswith("127.")


def check_token(token: str | None) -> None:
    """Raises ConfigError: no client could send it, or all could."""
    if token is not None and not (token and token == token.strip() and token.isascii() and token.isprintable()):
        raise ConfigError(
            "the token is empty, begins or ends with a blank, or is not of ASCII characters alone: choose another, or leave it out."
        )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        ConfigError: the port is taken, or the host is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=WAITING)
    except OSError as error:
        raise ConfigError(
            f"nothing can listen at {host}, port {port} ({error.strerror}): choose another --port, or a --host of this machine."
        ) from error


def serve(application: FastAPI, listening: socket.socket, limits: Limits) -> None:
    """Answer what comes to the socket until the process is told to end."""
    configured = uvicorn.Config(
        application,
        log_level="warning",
        ws_max_size=limits.message_bytes,
        timeout_keep_alive=30,
        limit_concurrency=limits.sockets,
    )
    uvicorn.Server(configured).run(sockets=[listening])
