import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from mmerc.inference.call_batcher import Together


def test_what_comes_while_it_is_busy_is_computed_together() -> None:
    sizes: list[int] = []
    free = threading.Event()

    def squares(numbers: Sequence[int]) -> list[int]:
        sizes.append(len(numbers))
        free.wait(5)
        return [number**2 for number in numbers]

    together = Together(squares, most=4)
    with ThreadPoolExecutor(10) as threads:
        answers = [threads.submit(together, number) for number in range(10)]
        time.sleep(0.3)
        free.set()
        assert [answer.result() for answer in answers] == [number**2 for number in range(10)]
    assert max(sizes) == 4 and sum(sizes) == 10 and len(sizes) <= 5


def test_what_fails_fails_for_those_who_asked_and_nobody_after() -> None:
    together: Together[int, float] = Together(lambda numbers: [1 / number for number in numbers], most=1)
    with pytest.raises(ZeroDivisionError):
        together(0)
    assert together(4) == 0.25
