"""A service with a stub predictor on a port of this machine."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from mmerc.serving import Limits, create_app
from tests.serving.stub import StubPredictor


@contextmanager
def run_service(token: str | None = None) -> Iterator[str]:
    """Its address, for the length of a `with` block."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(StubPredictor(), token=token, limits=Limits(max_utterance_seconds=5))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
