"""The service's log: lines of text or of JSON, with the ID of the request, and without anything that a client sent."""

import logging
import re
import secrets
import traceback
from contextvars import ContextVar
from typing import Literal

from mmerc.progress import show_log

LogFormat = Literal["text", "json"]
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
VALID_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
log = logging.getLogger("mmerc")


def choose_request_id(given: str | None) -> str:
    """The ID that a proxy has given to the request (`X-Request-ID`), or a new one.

    >>> choose_request_id("a-1"), len(choose_request_id("a b"))
    ('a-1', 16)
    """
    return given if given is not None and VALID_ID.fullmatch(given) else secrets.token_hex(8)


def set_up_log(log_format: LogFormat) -> None:
    """Send the log to stderr as lines of text or of JSON."""
    if log_format == "text":
        show_log()
        return
    from pythonjsonlogger.json import JsonFormatter

    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter("%(levelname)s %(name)s %(message)s %(request_id)s", timestamp=True))
    handler.addFilter(_add_request_id)
    for name in ("mmerc", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
    log.setLevel(logging.INFO)
    show_log()  # silences libraries; the log has its handler already


def _add_request_id(record: logging.LogRecord) -> bool:
    record.request_id = REQUEST_ID.get()
    return True


def log_failure(what: str, error: BaseException) -> None:
    """Log an error of the program: its type and its place, but not its message, which may have words of a client."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s: %s\n%s", what, type(error).__name__, frames)
