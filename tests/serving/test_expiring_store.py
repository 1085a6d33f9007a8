"""A bounded store."""

import time

from mmerc.serving.expiring_store import ExpiringStore


def test_only_the_last_used_items_are_stored() -> None:
    store: ExpiringStore[list[int]] = ExpiringStore(2, 60)
    one = store.get_or_create("one", list)
    assert store.get_or_create("one", list) is one and store.get("none") is None
    store.get_or_create("two", list)
    store.get("one")
    store.get_or_create("three", list)
    assert store.get("two") is None and store.get("one") is one


def test_items_expire_after_their_last_use() -> None:
    store: ExpiringStore[list[int]] = ExpiringStore(2, 0.02)
    store.get_or_create("one", list)
    time.sleep(0.05)
    assert store.get("one") is None
