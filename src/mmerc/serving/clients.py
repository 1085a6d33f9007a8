"""Who sends a request: limits and shares are those of a client address."""

from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

CLIENT: ContextVar[str] = ContextVar("client", default="")  # address of the client for whom this task or thread works


def get_address(scope: MutableMapping[str, Any]) -> str:
    """The address of the client of an ASGI scope.

    >>> get_address({"client": ("192.0.2.1", 5000)}), get_address({"client": None})
    ('192.0.2.1', 'unknown')
    """
    address: str = (scope.get("client") or ("unknown", 0))[0]
    return address
