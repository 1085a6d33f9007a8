"""Loading the model at the start and on SIGHUP."""

import asyncio
import logging
import os
import signal

import pytest

from mmerc.errors import ConfigError
from mmerc.serving.reloading import reload_on_signal, reload_or_log, start_model
from mmerc.serving.service import Service


class Loading(Service):
    """A service that can be loaded, and fails with these errors in turn."""

    def __init__(self, *failures: Exception | None) -> None:
        self.failures, self.count, self.stopped = list(failures), 0, 0
        self.load_error, self.on_failure = None, self.stop

    async def load(self) -> None:
        self.count += 1
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure

    def stop(self) -> None:
        self.stopped += 1


def test_a_failed_start_stops_the_server_and_keeps_the_error() -> None:
    error = ConfigError("config.json is missing.")
    failing, working = Loading(error), Loading()
    for service in (failing, working):
        asyncio.run(start_model(service))
    assert failing.load_error is error and failing.stopped == 1
    assert working.load_error is None and working.stopped == 0


def test_a_failed_reload_is_logged_and_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    service = Loading(ConfigError("config.json is missing."), ValueError("odd"))
    with caplog.at_level(logging.ERROR, "mmerc"):
        asyncio.run(reload_or_log(service))
        asyncio.run(reload_or_log(service))
    assert "the model was not loaded again: config.json is missing." in caplog.text
    assert caplog.text.count("the model was not loaded again") == 2 and service.stopped == 0


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_sighup_loads_again() -> None:
    service = Loading()

    async def send_signal() -> None:
        reload_on_signal(service)
        os.kill(os.getpid(), signal.SIGHUP)
        for _ in range(200):
            await asyncio.sleep(0.01)
            if service.count:
                return

    before = signal.getsignal(signal.SIGHUP)
    try:
        asyncio.run(send_signal())
    finally:
        signal.signal(signal.SIGHUP, before)
    assert service.count == 1
