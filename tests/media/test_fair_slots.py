import time
from collections.abc import Callable
from threading import Thread

from mmerc.media.fair_slots import FairSlots


def wait_until(is_true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not is_true() and time.monotonic() < deadline:
        time.sleep(0.005)
    return is_true()


def test_a_client_that_has_none_goes_first() -> None:
    slots = FairSlots(3)
    order: list[str] = []

    def wait_for_place(client: str) -> None:
        slots.acquire(client)
        order.append(client)

    for client in ("many", "many", "one"):
        slots.acquire(client)
    threads = [Thread(target=wait_for_place, args=(client,)) for client in ("many", "one", "other")]
    for thread in threads:
        thread.start()
        time.sleep(0.02)  # they wait in this order
    assert order == []
    slots.release("many")
    assert wait_until(lambda: len(order) == 1) and order == ["other"]
    slots.release("many")
    assert wait_until(lambda: len(order) == 2) and order == ["other", "many"]
    slots.release("other")
    for thread in threads:
        thread.join(10)
    assert order == ["other", "many", "one"] and slots.free == 0


def test_no_client_has_all_places() -> None:
    slots = FairSlots(3)
    slots.acquire("many")
    slots.acquire("many")
    third = Thread(target=slots.acquire, args=("many",))
    third.start()
    time.sleep(0.02)
    assert third.is_alive() and slots.free == 1
    slots.acquire("one")  # at once
    slots.release("one")
    assert third.is_alive()
    slots.release("many")
    third.join(10)
    assert not third.is_alive() and slots.free == 1


def test_a_single_place_is_for_everybody() -> None:
    slots = FairSlots(1)
    for client in ("many", "many", "one"):
        slots.acquire(client)
        slots.release(client)
    assert slots.free == 1
