"""The features of one utterance, in memory."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmerc.corpora import Key


@dataclass(frozen=True)
class FeatureRow:
    """The features of one utterance for one modality.

    Attributes:
        key: the utterance's key.
        values: an array [T, ...]; `None` where the modality is missing.
        reason: why it is missing; `None` where it is not.
        metadata: values for JSON that the writer stored with the row.
        scales: the factor of each step [T], where the store keeps `values` in one byte for each number (see `quantize`).
    """

    key: Key
    values: np.ndarray | None
    reason: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    scales: np.ndarray | None = None
