"""A bounded store: it forgets items that were not used for a while, and the oldest when it is full."""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Item = TypeVar("Item")


class ExpiringStore(Generic[Item]):
    """Holds at most `max_items`, each for at most `expiry_seconds` after its last use. It may be used from several threads.

    >>> store = ExpiringStore(max_items=2, expiry_seconds=60)
    >>> store.get_or_create("a", list).append(1)
    >>> store.get("a"), store.get("b")
    ([1], None)
    """

    def __init__(self, max_items: int, expiry_seconds: float) -> None:
        self.max_items, self.expiry_seconds = max_items, expiry_seconds
        self._items: OrderedDict[str, tuple[float, Item]] = OrderedDict()  # the least recently used first
        self._lock = Lock()

    def get(self, name: str) -> Item | None:
        """The item of that name, or `None`."""
        with self._lock:
            self._remove_expired()
            return self._items[name][1] if self._touch(name) else None

    def get_or_create(self, name: str, create: Callable[[], Item]) -> Item:
        """The item of that name; if there is none, `create` makes it."""
        with self._lock:
            self._remove_expired()
            if not self._touch(name):
                self._items[name] = time.monotonic(), create()
            while len(self._items) > self.max_items:
                self._items.popitem(last=False)
            return self._items[name][1]

    def remove(self, name: str) -> Item | None:
        """Forget the item of that name. Returns it, or `None` if there is none."""
        with self._lock:
            return self._items.pop(name, (0.0, None))[1]

    def sweep(self) -> None:
        """Forget what has expired, also if nobody asks for anything."""
        with self._lock:
            self._remove_expired()

    def _touch(self, name: str) -> bool:
        """Whether there is such an item; it is now the most recently used."""
        if name not in self._items:
            return False
        self._items[name] = time.monotonic(), self._items.pop(name)[1]
        return True

    def _remove_expired(self) -> None:
        oldest_allowed = time.monotonic() - self.expiry_seconds
        while self._items and next(iter(self._items.values()))[0] < oldest_allowed:
            self._items.popitem(last=False)
