"""The waveform of a recording for the page: the lowest and the highest sample of equal pieces of it."""

import base64
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int8

from mmerc.corpora import Clip
from mmerc.media.audio import SAMPLE_RATE, read_waveform_blocks

PIECE = 320  # samples at 16 kHz: 20 ms
MAX_PIECES = 40_000  # 80 kB; a longer recording gets longer pieces
FULL_SCALE = 127


class Peaks(NamedTuple):
    """`rate`: pieces per second. `pairs` [N, 2]: lowest and highest sample of each piece, 127 for full scale."""

    rate: float
    pairs: Int8[np.ndarray, "N 2"]

    def to_dict(self) -> dict[str, object]:
        """The peaks as the page reads them."""
        return {"rate": self.rate, "data": base64.b64encode(self.pairs.tobytes()).decode("ascii")}


def compute_peaks(recording: Path) -> Peaks:
    """The peaks of the recording's default audio track, in bounded memory.

    The loudest sample becomes full scale, so that a quiet recording can be seen too.

    Raises:
        NoAudio: the recording has no sound.
        ClipNotFound, ClipUnreadable: the file does not exist, or is not readable audio or video.
    """
    rest = np.zeros(0, np.float32)
    found = [np.zeros((0, 2), np.float32)]
    for block in read_waveform_blocks(Clip(recording)):
        samples = np.concatenate([rest, block])
        used = len(samples) // PIECE * PIECE
        found.append(_find_extremes(samples[:used].reshape(-1, PIECE)))
        rest = samples[used:]
    if len(rest):
        found.append(_find_extremes(rest[None]))
    pairs = np.concatenate(found)
    factor = max(1, -(-len(pairs) // MAX_PIECES))
    if factor > 1:
        padded = np.pad(pairs, ((0, -len(pairs) % factor), (0, 0))).reshape(-1, factor, 2)
        pairs = np.stack([padded[..., 0].min(1), padded[..., 1].max(1)], axis=1)
    loudest = float(np.abs(pairs).max(initial=0)) or 1.0
    scaled = np.clip(np.round(pairs / loudest * FULL_SCALE), -FULL_SCALE, FULL_SCALE).astype(np.int8)
    return Peaks(SAMPLE_RATE / PIECE / factor, scaled)


def _find_extremes(pieces: np.ndarray) -> np.ndarray:
    """The lowest and highest sample of each row: [N, S] to [N, 2]."""
    return np.stack([pieces.min(axis=1), pieces.max(axis=1)], axis=1)
