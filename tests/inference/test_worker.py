import logging
import pickle
from collections.abc import Callable
from multiprocessing import Pipe
from threading import Thread
from typing import Any

import pytest

from mmerc.errors import ConfigError
from mmerc.inference.worker import ERROR, LOG, READY, RESULT, serve


@pytest.fixture(autouse=True)
def unchanged_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker changes the log of its process, which is not the one of the tests."""
    log = logging.getLogger("mmerc")
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "propagate", log.propagate)


def double(number: int) -> int:
    logging.getLogger("mmerc").warning("doubling %d", number)
    return 2 * number


def refuse() -> None:
    raise ConfigError("the model is no model.")


class Refusing:
    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return refuse, ()


def talk(function: object, items: list[int]) -> list[tuple[str, Any]]:
    """All that a worker sends."""
    program, worker = Pipe()
    thread = Thread(target=serve, args=(worker,))
    thread.start()
    for item in [function, *items]:
        program.send_bytes(pickle.dumps(item))
    messages = []
    for _ in range(1 + 2 * len(items)):
        messages.append(program.recv())
    program.close()
    thread.join(10)
    assert not thread.is_alive()
    return messages


def test_it_calls_the_function_and_sends_its_log() -> None:
    kinds, values = zip(*talk(double, [3, 4]), strict=True)
    assert kinds == (READY, LOG, RESULT, LOG, RESULT)
    assert (values[1].getMessage(), values[2], values[3].getMessage(), values[4]) == ("doubling 3", 6, "doubling 4", 8)


def test_it_says_why_the_function_cannot_be_loaded() -> None:
    ((kind, error),) = talk(Refusing(), [])
    assert kind == ERROR and str(error) == "the model is no model."
