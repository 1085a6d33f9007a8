import time
from threading import Thread

from mmerc.media.fair_slots import FairSlots


def test_a_client_that_has_none_goes_first() -> None:
    slots = FairSlots(3)
    order: list[str] = []

    def wait_for_place(client: str) -> None:
        slots.acquire(client)
        order.append(client)

    for _ in range(3):
        slots.acquire("many")
    threads = [Thread(target=wait_for_place, args=(client,)) for client in ("many", "one", "other")]
    for thread in threads:
        thread.start()
        time.sleep(0.02)  # they wait in this order
    assert order == []
    for client, count in (("many", 1), ("many", 2), ("many", 3)):
        slots.release(client)
        deadline = time.monotonic() + 10
        while len(order) < count and time.monotonic() < deadline:
            time.sleep(0.005)
    assert order == ["one", "other", "many"]
    for thread in threads:
        thread.join(10)
    assert slots.free == 0
