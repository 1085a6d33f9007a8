import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Barrier, Thread, get_ident

import pytest
import torch

from mmerc import threads
from mmerc.threads import avoid_spinning, compute_together, get_num_threads, read_cpu_quota, set_num_threads

WAIT_VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    """A control group `jobs/mine` with a quota of 1.5 CPUs below one with 4."""
    (tmp_path / "jobs" / "mine").mkdir(parents=True)
    (tmp_path / "jobs" / "mine" / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "jobs" / "cpu.max").write_text("400000 100000\n")
    (tmp_path / "self").write_text("1:cpu:/\n0::/jobs/mine\n")
    return tmp_path


def test_the_smallest_quota_counts(groups: Path) -> None:
    assert read_cpu_quota(groups, groups / "self") == 1.5
    (groups / "jobs" / "mine" / "cpu.max").write_text("max 100000\n")
    assert read_cpu_quota(groups, groups / "self") == 4
    (groups / "jobs" / "cpu.max").write_text("nonsense\n")
    assert read_cpu_quota(groups, groups / "self") is None


def test_a_container_sees_its_own_group_as_the_root(groups: Path) -> None:
    (groups / "self").write_text("0::/\n")
    assert read_cpu_quota(groups / "jobs" / "mine", groups / "self") == 1.5


def test_without_cgroup_v2_there_is_no_quota(tmp_path: Path) -> None:
    (tmp_path / "self").write_text("1:cpu:/jobs\n")
    assert read_cpu_quota(tmp_path, tmp_path / "self") is None
    assert read_cpu_quota(tmp_path, tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("count", "variable", "quota", "expected"),
    [
        (3, "", 1.0, 3),
        (None, "", 1.5, 2),
        (None, "", 0.5, 1),
        (None, "", 64.0, 4),
        (None, "", None, 4),
        (None, "4", 1.0, 4),
    ],
)
def test_the_number_of_threads(
    count: int | None, variable: str, quota: float | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr("mmerc.threads._chosen", None)
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    monkeypatch.setattr("mmerc.threads.read_cpu_quota", lambda: quota)
    torch.set_num_threads(4)
    try:
        set_num_threads(count)
        assert torch.get_num_threads() == expected
        assert get_num_threads() == (None if count is quota is None and not variable else expected)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("name", "value"), [("OMP_WAIT_POLICY", "ACTIVE"), ("GOMP_SPINCOUNT", "7")])
def test_what_the_user_says_about_waiting_is_kept(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in WAIT_VARIABLES:
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, value)
    avoid_spinning()
    assert {each: os.environ[each] for each in WAIT_VARIABLES if each in os.environ} == {name: value}


def test_waiting_is_set_before_torch_is_loaded() -> None:
    code = "import mmerc, os, sys; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    environment = {name: value for name, value in os.environ.items() if name not in WAIT_VARIABLES}
    shown = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["PASSIVE", "False"]


@pytest.fixture
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def wait_until_new_threads_have(count: int) -> None:
    """Fails after a minute. A thread of a pool may still be starting, although the others have done its work."""
    found: list[int] = []
    end = time.monotonic() + 60
    while found[-1:] != [count]:
        assert time.monotonic() < end, found
        thread = Thread(target=lambda: found.append(torch.get_num_threads()))
        thread.start()
        thread.join()


@pytest.mark.usefixtures("four_threads")
def test_networks_compute_at_the_same_time_with_their_shares_of_the_threads() -> None:
    both = Barrier(2)  # one that runs after the other would wait for ever

    def compute(value: int) -> tuple[int, int, bool]:
        both.wait(timeout=60)
        return value, torch.get_num_threads(), torch.is_inference_mode_enabled()

    for _ in range(2):
        with torch.inference_mode():
            found = compute_together(lambda: compute(1), lambda: compute(2))
        assert found == [(1, 2, True), (2, 2, True)]
        assert compute_together(lambda: compute(1), lambda: compute(2)) == [(1, 2, False), (2, 2, False)]
    assert torch.get_num_threads() == 4
    wait_until_new_threads_have(4)


@pytest.mark.usefixtures("four_threads")
def test_no_gradients_are_recorded_where_the_caller_records_none() -> None:
    with torch.no_grad():
        assert compute_together(torch.is_grad_enabled, torch.is_grad_enabled) == [False, False]
    assert compute_together(torch.is_grad_enabled, torch.is_grad_enabled) == [True, True]


@pytest.mark.usefixtures("four_threads")
def test_the_error_of_a_network_is_the_callers() -> None:
    def fail() -> None:
        raise ValueError("no sound")

    with pytest.raises(ValueError, match="no sound"):
        compute_together(lambda: 1, fail)
    assert compute_together(lambda: 1, lambda: 2) == [1, 2]


@pytest.mark.usefixtures("four_threads")
def test_where_no_thread_can_start_networks_compute_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(count: int) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "_start_thread", fail)
    monkeypatch.setattr(threads, "_pools", {})
    for _ in range(2):
        assert compute_together(get_ident, get_ident) == [get_ident()] * 2


@pytest.mark.usefixtures("four_threads")
def test_with_one_thread_networks_compute_one_after_the_other() -> None:
    torch.set_num_threads(1)
    assert compute_together(get_ident, get_ident) == [get_ident()] * 2


@pytest.mark.usefixtures("four_threads")
def test_more_than_two_networks_compute_on_one_thread_each() -> None:
    def compute(value: int) -> tuple[int, int]:
        return value, torch.get_num_threads()

    assert compute_together(*(partial(compute, value) for value in range(9))) == [(value, 1) for value in range(9)]


@pytest.mark.usefixtures("four_threads")
def test_a_network_may_compute_parts_of_its_own_together() -> None:
    def compute(value: int) -> list[int]:
        return compute_together(lambda: value, lambda: value + 1)

    assert compute_together(partial(compute, 1), partial(compute, 5)) == [[1, 2], [5, 6]]
    wait_until_new_threads_have(4)


@pytest.mark.usefixtures("four_threads")
def test_a_thread_that_outlives_the_main_thread_still_computes() -> None:
    code = """
import threading
import torch
from mmerc.threads import compute_together
torch.set_num_threads(4)
def work():
    threading.main_thread().join()
    print(compute_together(lambda: 1, lambda: 2))
threading.Thread(target=work).start()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[1, 2]\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.usefixtures("four_threads")
def test_a_forked_process_has_threads_of_its_own() -> None:
    compute_together(lambda: 1, lambda: 2)
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    with threads._starting:  # as if another thread was about to start one
        process = context.Process(target=lambda: queue.put(compute_together(lambda: 3, lambda: 4)))
        process.start()
    process.join(60)
    try:
        assert process.exitcode == 0
        assert queue.get() == [3, 4]
    finally:
        process.kill()
