import logging
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from mmerc.errors import ConfigError, MmercError, RunError
from mmerc.inference.processes import map_in_processes


def name_failure(item: object, reason: str) -> tuple[object, str]:
    return item, reason


def sleep_and_double(item: tuple[float, int]) -> tuple[int, int]:
    """Twice the number after so many seconds, and the process."""
    seconds, number = item
    time.sleep(seconds)
    return 2 * number, os.getpid()


def log_number(number: int) -> int:
    logging.getLogger("mmerc.test").warning("the number is %d", number)
    return number


def die_of(number: int) -> int:
    if number:
        os.kill(os.getpid(), number)
    return os.getpid()


class Broken:
    """A function that raises when it is loaded."""

    def __init__(self, raises: Callable[[], None]) -> None:
        self.raises = raises

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return self.raises, ()

    def __call__(self, item: int) -> int:
        raise AssertionError("it is never called")


def refuse() -> None:
    raise ConfigError("the model is no model: give another one.")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_until_ended(processes: set[int]) -> None:
    deadline = time.monotonic() + 30
    while any(map(psutil.pid_exists, processes)):
        assert time.monotonic() < deadline, "a process is still there"
        time.sleep(0.05)


def test_results_come_in_order_from_as_many_processes() -> None:
    items = [(0.6, 0), (0.0, 1), (0.0, 2), (0.0, 3)]
    found = list(map_in_processes(sleep_and_double, items, workers=2, fail=name_failure))
    assert [number for number, _ in found] == [0, 2, 4, 6]
    processes = {process for _, process in found}
    assert len(processes) == 2 and os.getpid() not in processes
    wait_until_ended(processes)


def test_no_items_and_more_workers_than_items() -> None:
    assert list(map_in_processes(die_of, [], workers=2, fail=name_failure)) == []
    assert len(list(map_in_processes(die_of, [0], workers=9, fail=name_failure))) == 1


def test_an_item_that_kills_its_process_takes_no_other_one_with_it() -> None:
    items = [0, signal.SIGSEGV, 0, 0]
    found = list(map_in_processes(die_of, items, workers=2, fail=name_failure))
    assert found[1] == (signal.SIGSEGV, "3 processes died while they read it (SIGSEGV)")
    assert all(isinstance(found[index], int) for index in (0, 2, 3))


def test_an_iterator_that_is_left_ends_its_processes() -> None:
    iterator = map_in_processes(sleep_and_double, [(0.0, 0), (60.0, 1)], workers=1, fail=name_failure)
    _, process = next(iterator)
    assert psutil.pid_exists(process)
    iterator.close()  # type: ignore[attr-defined]
    wait_until_ended({process})


PROGRAM = """
import sys
from mmerc.inference.processes import map_in_processes
from tests.inference.test_processes import sleep_and_double

for number, process in map_in_processes(sleep_and_double, [(0.0, 1), (0.0, 2), (60.0, 3), (60.0, 4)], workers=2, fail=None):
    print(process, flush=True)
"""  # no `if __name__ == "__main__"`, as in a notebook


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_program_that_is_ended_leaves_no_process(number: signal.Signals, tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, file],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *filter(None, sys.path)])},
    ) as program:
        assert program.stdout is not None and program.stderr is not None
        processes = {int(program.stdout.readline()) for _ in range(2)}
        program.send_signal(number)
        assert program.wait(30) == -number
        assert program.stderr.read().count("Traceback") == (number == signal.SIGINT)  # its own, and none of a worker
    wait_until_ended(processes)


@pytest.mark.parametrize(
    ("raises", "error", "sentence"),
    [
        (refuse, ConfigError, "the model is no model: give another one."),
        (
            die,
            RunError,
            "a process died while it loaded the model (SIGKILL): use fewer workers if the memory is scarce.",
        ),
    ],
)
def test_a_function_that_cannot_be_loaded(raises: Callable[[], None], error: type[MmercError], sentence: str) -> None:
    with pytest.raises(error) as caught:
        list(map_in_processes(Broken(raises), [0, 1], workers=2, fail=name_failure))
    assert str(caught.value) == sentence


def test_a_function_that_cannot_be_pickled_is_an_error_at_once() -> None:
    with pytest.raises((pickle.PicklingError, AttributeError), match="pickle"):
        list(map_in_processes(lambda item: item, [0], workers=2, fail=name_failure))


def test_the_log_of_the_processes_is_in_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("mmerc"), "propagate", True)
    monkeypatch.setattr(logging.getLogger("mmerc"), "handlers", [])  # each record once, through the root logger
    assert list(map_in_processes(log_number, [3, 4], workers=1, fail=name_failure)) == [3, 4]
    assert [(each.name, each.getMessage()) for each in caplog.records] == [
        ("mmerc.test", "the number is 3"), ("mmerc.test", "the number is 4"),
    ]  # fmt: skip


def test_the_processes_share_the_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("mmerc.inference.processes.count_cpus", lambda: 8)
    assert list(map_in_processes(os.getenv, ["OMP_NUM_THREADS"], workers=2, fail=name_failure)) == ["4"]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert list(map_in_processes(os.getenv, ["OMP_NUM_THREADS"], workers=2, fail=name_failure)) == ["3"]
