"""A service at a free port, in a thread of the test."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from mmerc import Predictor
from mmerc.serving import Limits, create_app
from mmerc.serving.server import listen


@contextmanager
def run_service(predictor: Predictor, *, token: str | None = None, limits: Limits | None = None) -> Iterator[str]:
    """Serve a predictor. Gives the address, such as 127.0.0.1:41234."""
    with serve_in_thread(create_app(predictor, limits=limits, token=token)) as address:
        yield address


@contextmanager
def serve_in_thread(
    app: FastAPI, *, root_path: str = "", host: str = "127.0.0.1", proxy_addresses: str | None = None
) -> Iterator[str]:
    """Serve an application. Gives the address."""
    with listen(host, 0) as listener:
        config = uvicorn.Config(
            app,
            log_level="error",
            root_path=root_path,
            proxy_headers=proxy_addresses is not None,
            forwarded_allow_ips=proxy_addresses,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < deadline, "the service did not start"
            time.sleep(0.05)
        try:
            yield f"{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
