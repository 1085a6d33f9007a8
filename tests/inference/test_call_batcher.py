import multiprocessing
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from mmerc.inference.call_batcher import CallBatcher


def test_calls_during_a_computation_are_computed_together() -> None:
    sizes: list[int] = []
    free = threading.Event()

    def square(numbers: Sequence[int]) -> list[int]:
        sizes.append(len(numbers))
        free.wait(5)
        return [number**2 for number in numbers]

    batcher = CallBatcher(square, max_batch=4)
    with ThreadPoolExecutor(10) as threads:
        results = [threads.submit(batcher, number) for number in range(10)]
        time.sleep(0.3)
        free.set()
        assert [result.result() for result in results] == [number**2 for number in range(10)]
    assert max(sizes) == 4 and sum(sizes) == 10 and len(sizes) <= 5


def test_an_error_reaches_its_own_callers_only() -> None:
    batcher: CallBatcher[int, float] = CallBatcher(lambda numbers: [1 / number for number in numbers], max_batch=1)
    with pytest.raises(ZeroDivisionError):
        batcher(0)
    assert batcher(4) == 0.25


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_that_was_forked_during_a_computation_is_not_blocked() -> None:
    started, free = threading.Event(), threading.Event()

    def compute(numbers: Sequence[int]) -> list[int]:
        if numbers[0] == 0:
            started.set()
            free.wait(10)
        return list(numbers)

    batcher = CallBatcher(compute, max_batch=1)
    busy = threading.Thread(target=batcher, args=(0,))
    busy.start()
    started.wait(5)
    child = multiprocessing.get_context("fork").Process(target=batcher, args=(1,))
    child.start()
    child.join(5)
    free.set()
    busy.join()
    assert child.exitcode == 0
