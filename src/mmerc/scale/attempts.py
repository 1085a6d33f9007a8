"""How often each part was begun. A module of its own, so that the process which counts loads no network and no torch."""


class Attempts:
    """An actor that counts how often each part was begun: a part that kills every process would be tried forever."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}

    def add(self, index: int) -> int:
        """One more attempt; returns their number."""
        self.counts[index] = self.counts.get(index, 0) + 1
        return self.counts[index]
