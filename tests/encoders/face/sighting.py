"""Sightings with literal values, for tests."""

import numpy as np

from mmerc.encoders.face.sightings import Sighting

RNG = np.random.default_rng(0)
LOOKS = {name: RNG.uniform(0, 1, 12) for name in ("red", "green", "blue")}


def make_sighting(
    utterance: int, look: str, left: float, *, scene: float = 0.0, start: float | None = None, noise: float = 0.0
) -> Sighting:
    """Ten frames of a face at `left`; each utterance has ten seconds of its own."""
    first = 10.0 * utterance if start is None else start
    times = first + np.arange(10) / 10
    boxes = np.tile([left, 0.2, left + 0.1, 0.4], (10, 1))
    look_then = LOOKS[look] + noise * np.random.default_rng(utterance).normal(0, 1, 12)
    return Sighting(utterance, times, boxes, np.zeros(9), np.zeros(9), look_then, np.full(12, scene))
