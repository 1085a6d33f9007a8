"""Augmentation of a waveform in training: its speed, and what happens to sound on its way through real rooms and devices.

audiomentations (the extra `augmentation`) makes the noise, the band limits and the clipping. `media.degradation` makes the
rooms and the codecs, for which audiomentations needs files or more libraries.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import soxr
from jaxtyping import Float

from mmerc.errors import ConfigError
from mmerc.media import SAMPLE_RATE
from mmerc.media.degradation import Codec, reverberate, transcode

MIN_T60, MAX_T60 = 0.15, 1.0  # seconds: from a furnished room to a hall
# Direct sound over reverberation: from beyond the critical distance to near the mouth
MIN_DIRECT_DB, MAX_DIRECT_DB = -3.0, 9.0
CODECS: tuple[tuple[Codec, tuple[int, ...], int], ...] = (  # bit rates, and the effort that takes least time
    ("mp3", (16_000, 24_000, 32_000, 48_000, 64_000), 9),
    ("opus", (6_000, 8_000, 12_000, 16_000, 24_000, 32_000), 0),
    ("mulaw", (64_000,), 0),
)


def augment(
    waveform: Float[np.ndarray, " S"], rng: random.Random, *, max_speed_change: float, probability: float = 0.0
) -> Float[np.ndarray, " s"]:
    """Change the speed by a random factor from 1 - max_speed_change to 1 + max_speed_change, then apply each of `KINDS`
    with this probability, in their order, which is that of a recording.

    Returns float32 samples in [-1, 1], at least one. All random numbers come from `rng`, which is not used if both settings
    are 0.

    Raises:
        ConfigError: `probability` is above 0 and audiomentations is not installed.
    """
    if max_speed_change:
        waveform = change_speed(waveform, rng.uniform(1 - max_speed_change, 1 + max_speed_change))
    if probability:
        for apply in KINDS.values():
            if rng.random() < probability:
                waveform = apply(waveform.astype(np.float32), rng)
    return waveform.clip(-1, 1).astype(np.float32)


def change_speed(waveform: Float[np.ndarray, " S"], factor: float) -> Float[np.ndarray, " s"]:
    """Resample the waveform so that it plays `factor` times as fast. The pitch changes with it.

    s = round(S / factor), at least 1.

    >>> len(change_speed(np.zeros(4, np.float32), 2.0))
    2
    """
    changed: np.ndarray = soxr.resample(waveform, factor, 1.0)
    return changed if len(changed) else waveform[:1]


def add_room(waveform: Float[np.ndarray, " S"], rng: random.Random) -> Float[np.ndarray, " S"]:
    """Reverberation of a random room, at a random distance from the speaker."""
    t60, direct_db = rng.uniform(MIN_T60, MAX_T60), rng.uniform(MIN_DIRECT_DB, MAX_DIRECT_DB)
    generator = np.random.default_rng(rng.getrandbits(64))
    return reverberate(waveform, generator, t60=t60, direct_to_reverberant_db=direct_db)


def apply_codec(waveform: Float[np.ndarray, " S"], rng: random.Random) -> Float[np.ndarray, " S"]:
    """A random codec at a random bit rate."""
    codec, bit_rates, effort = rng.choice(CODECS)
    return transcode(waveform, codec, rng.choice(bit_rates), effort=effort)


def apply_transform(name: str, waveform: Float[np.ndarray, " S"], rng: random.Random) -> Float[np.ndarray, " S"]:
    """One of the transforms of audiomentations, with random parameters."""
    transform = load_transforms()[name]
    with seed_global_generators(rng):
        changed: np.ndarray = transform(waveform, SAMPLE_RATE)
    return changed


@cache
def load_transforms() -> Mapping[str, Any]:
    """The transforms of audiomentations by the name of their kind. It is imported here, because this takes a second.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        from audiomentations import AddColorNoise, BandPassFilter, ClippingDistortion
    except ImportError as error:
        raise ConfigError(
            f"augmentation_probability needs the extra augmentation ({error}): pip install 'mmerc[augmentation]', or set it to 0."
        ) from error
    return {
        # From brown noise, which falls by 6 dB per octave, to white noise.
        "noise": AddColorNoise(min_snr_db=0.0, max_snr_db=30.0, min_f_decay=-6.0, max_f_decay=0.0, p=1.0),
        # The narrowest passes 450 to 2550 Hz, the widest 200 to 7800 Hz.
        "band_limit": BandPassFilter(
            min_center_freq=1500.0,
            max_center_freq=4000.0,
            min_bandwidth_fraction=1.4,
            max_bandwidth_fraction=1.9,
            min_rolloff=12,
            max_rolloff=36,
            p=1.0,
        ),
        # The share of the samples that are clipped, in percent.
        "clipping": ClippingDistortion(min_percentile_threshold=0, max_percentile_threshold=20, p=1.0),
    }


@contextmanager
def seed_global_generators(rng: random.Random) -> Iterator[None]:
    """Seed the global generators of Python and NumPy, which audiomentations uses, from `rng`; restore them at the end."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    random.seed(rng.getrandbits(64))
    np.random.seed(rng.getrandbits(32))
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


Kind = Callable[[np.ndarray, random.Random], np.ndarray]
KINDS: Mapping[str, Kind] = {
    "reverberation": add_room,
    "noise": lambda waveform, rng: apply_transform("noise", waveform, rng),
    "band_limit": lambda waveform, rng: apply_transform("band_limit", waveform, rng),
    "clipping": lambda waveform, rng: apply_transform("clipping", waveform, rng),
    "codec": apply_codec,
}
