"""Online clustering: the person of each turn when it has ended, from the voices of earlier turns only."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from mmerc.speakers.voice_encoder import normalize

# The values below were chosen on conversations without pauses of RAVDESS's actors 1 to 16; some were looked at on its other actors and EMO-DB too.
MAX_DISTANCE = 0.65  # 1 - cosine to the mean of a person, above which a turn is another person's
MAX_NAMED_DISTANCE = 0.6  # the same for a person whose name is known, since a wrong name is worse than none
MIN_NEW = 1.5  # seconds: a shorter turn says too little of the voice to begin a new person
MAX_SPEAKERS = 8  # a further voice goes to the nearest of them


class Match(NamedTuple):
    """The nearest known person, as an index, and whether the voice is close enough to be theirs."""

    person: int
    is_same: bool


class OnlineSpeakers:
    """The people who have spoken so far: for each the sum of the vectors of their turns, weighted by seconds.

    >>> speakers = OnlineSpeakers()
    >>> ann, bo = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    >>> [speakers.add(vector, 2.0) for vector in (ann, bo, ann)]
    ['speaker 1', 'speaker 2', 'speaker 1']
    >>> speakers.enrol("Bo", bo, 5.0)
    >>> speakers.add(bo, 2.0)
    'Bo'
    """

    def __init__(self, *, max_speakers: int = MAX_SPEAKERS) -> None:
        self.max_speakers = max_speakers
        self.names: list[str] = []
        self.enrolled: set[str] = set()
        self._sums: list[np.ndarray] = []
        self._count = 0  # people who got a number

    def __len__(self) -> int:
        return len(self.names)

    def find(self, vector: Float[np.ndarray, " d"]) -> Match | None:
        """The person whose voice is nearest; None before anybody has spoken."""
        if not self._sums:
            return None
        distances = 1 - normalize(np.stack(self._sums)) @ normalize(vector)
        limits = np.array([MAX_NAMED_DISTANCE if name in self.enrolled else MAX_DISTANCE for name in self.names])
        index = int((distances - limits).argmin())
        return Match(index, bool(distances[index] <= limits[index]))

    def guess(self, vector: Float[np.ndarray, " d"]) -> str:
        """The name that `add` would give to a long turn with this vector."""
        match = self.find(vector)
        if match is None or not (match.is_same or self._is_full()):
            return self._make_name()
        return self.names[match.person]

    def add(self, vector: Float[np.ndarray, " d"], seconds: float) -> str:
        """Add a turn of so many seconds, and return the name of its person: "speaker 1", or the name of an enrolled one."""
        match = self.find(vector)
        if match is None or not (match.is_same or self._is_full() or seconds < MIN_NEW):
            name = self._make_name()
            self._count += 1
            self._append(name, vector * seconds)
            return name
        if match.is_same:  # others would blur the mean
            self._sums[match.person] = self._sums[match.person] + vector * seconds
        return self.names[match.person]

    def enrol(self, name: str, vector: Float[np.ndarray, " d"], seconds: float) -> None:
        """Give a name to a voice. A person without a name who has spoken with this voice gets the name from now on.

        `seconds`: of the sample, the weight of the vector beside later turns.
        """
        if name in self.names:
            index = self.names.index(name)
            self._sums[index] = self._sums[index] + vector * seconds
        elif (match := self._find_nameless(vector)) is not None:
            self.names[match] = name
            self._sums[match] = self._sums[match] + vector * seconds
        else:
            self._append(name, vector * seconds)
        self.enrolled.add(name)

    def _find_nameless(self, vector: Float[np.ndarray, " d"]) -> int | None:
        nameless = [index for index, name in enumerate(self.names) if name not in self.enrolled]
        similarities = {index: float(normalize(self._sums[index]) @ normalize(vector)) for index in nameless}
        best = max(nameless, key=similarities.__getitem__, default=None)
        return best if best is not None and 1 - similarities[best] <= MAX_NAMED_DISTANCE else None

    def _append(self, name: str, total: Float[np.ndarray, " d"]) -> None:
        self.names.append(name)
        self._sums.append(total)

    def _is_full(self) -> bool:
        return len(self) >= self.max_speakers

    def _make_name(self) -> str:
        return f"speaker {self._count + 1}"
