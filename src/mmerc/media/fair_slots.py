"""Places that several clients share: nobody waits long because another client asks for many."""

from collections import Counter, deque
from threading import Condition


class FairSlots:
    """`count` places. A free one goes to a waiting client that has the fewest; among equals, to who waits longest.

    `keeps_one_free`: no client with a name has all of several places; one stays free for another client, who would otherwise wait for the longest
    work of the first one.
    """

    def __init__(self, count: int, *, keeps_one_free: bool = True) -> None:
        self.free = count
        self._most = max(1, count - 1) if keeps_one_free else count  # of one client
        self._held: Counter[str] = Counter()
        self._waiting: deque[tuple[str, object]] = deque()
        self._changed = Condition()

    def acquire(self, client: str) -> None:
        """Wait for a place."""
        ticket = (client, object())
        with self._changed:
            self._waiting.append(ticket)
            while not self._is_next(ticket):
                self._changed.wait()
            self._waiting.remove(ticket)
            self.free -= 1
            self._held[client] += 1
            self._changed.notify_all()  # there may be another free place

    def release(self, client: str) -> None:
        """Give a place back."""
        with self._changed:
            self.free += 1
            self._held[client] -= 1
            if not self._held[client]:
                del self._held[client]
            self._changed.notify_all()

    def _is_next(self, ticket: tuple[str, object]) -> bool:
        allowed = [each for each in self._waiting if not each[0] or self._held[each[0]] < self._most]
        first = min(allowed, key=lambda each: self._held[each[0]], default=None)  # the first one of equals
        return self.free > 0 and first is ticket
