"""The process of a `processes.Worker`: `python -m mmerc.inference.worker FD` receives a function, and calls it for each item that arrives."""

import logging
import os
import sys
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

from mmerc.errors import MmercError

# What a message is: the function can be called; the result of a call; why no more will come; a line of the log.
READY, RESULT, ERROR, LOG = "ready", "result", "error", "log"


class _Sender:
    """What `QueueHandler` takes for a queue."""

    def __init__(self, connection: "Connection[Any, Any]") -> None:
        self.connection = connection

    def put_nowait(self, record: logging.LogRecord) -> None:
        self.connection.send((LOG, record))


def serve(connection: "Connection[Any, Any]") -> None:
    """Receive the function and then its arguments, until the program closes the connection."""
    try:
        function = connection.recv()  # pickled by the program, which loads the networks here
    except MmercError as error:
        connection.send((ERROR, error))
        return
    log = logging.getLogger("mmerc")
    log.addHandler(QueueHandler(_Sender(connection)))  # type: ignore[arg-type]
    log.propagate = False
    connection.send((READY, None))
    while True:
        try:
            item = connection.recv()
        except EOFError:
            return
        connection.send((RESULT, function(item)))


def end_with_the_program() -> None:
    """Wait until the program has ended, however it ended, and end this process: its present recording may take minutes."""
    sys.stdin.buffer.read()
    os._exit(1)


def main() -> None:
    Thread(target=end_with_the_program, daemon=True).start()
    with Connection(int(sys.argv[1])) as connection:
        serve(connection)


if __name__ == "__main__":
    main()
