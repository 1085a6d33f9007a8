"""Stores with rows that are numbered."""

from pathlib import Path

import numpy as np

from mmerc.features import FeatureRow, quantize
from mmerc.features.writer import FeatureWriter


def key(number: int) -> tuple[str, str, str]:
    return ("train", "0", str(number))


def write_shuffled(folder: Path, count: int = 20) -> list[tuple[str, str, str]]:
    """Rows in another order than that of the keys, which are returned; each has its number as its value."""
    with FeatureWriter(folder) as writer:
        for number in sorted(range(count), key=lambda number: number * 7 % count):
            values = np.full((1 + number % 3, 2), number, np.float16)
            row = FeatureRow(key(number), values, None, {"logits": [number / 2, 0.0]})
            writer.add(FeatureRow(key(number), None, "no clip") if number % 5 == 4 else quantize(row))
            if number % 4 == 0:
                writer.flush()
    return [key(number) for number in range(count)]
