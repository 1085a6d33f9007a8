"""Loading the model: while the service answers already, and again by a signal."""

import asyncio
import logging
import signal
import sys
import threading

from mmerc.errors import MmercError
from mmerc.serving.logs import log_failure
from mmerc.serving.service import Service

log = logging.getLogger("mmerc")


async def start_model(service: Service) -> None:
    """Load the first model. If that fails, the service keeps the error, and the server is stopped."""
    try:
        await service.load()
    except Exception as error:
        service.load_error = error
        service.on_failure()


def reload_on_signal(service: Service) -> None:
    """Load the model again on SIGHUP, except in a terminal, where this signal says that the terminal was closed."""
    in_terminal = sys.stdin is not None and sys.stdin.isatty()
    if threading.current_thread() is not threading.main_thread() or in_terminal or not hasattr(signal, "SIGHUP"):
        return
    tasks: set[asyncio.Task[None]] = set()

    def start() -> None:
        task = asyncio.create_task(reload_or_log(service))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, start)


async def reload_or_log(service: Service) -> None:
    """Load the model again; if that fails, log why, and serve the earlier one."""
    try:
        await service.load()
    except MmercError as error:
        log.error("the model was not loaded again: %s", error)
    except Exception as error:
        log_failure("the model was not loaded again", error)
