"""Cost of augmentation and of each degradation, in milliseconds of one core per second of audio, as JSON.

    python benchmarks/augmentation.py [--clips ../shared/data/ravdess/Actor_21] [--count 12] [--out FILE]

Each number is the mean over `--count` recordings, after one that is not counted.
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from result import show

from mmerc.corpora import Clip
from mmerc.encoders.audio.augmentation import KINDS, change_speed
from mmerc.media import SAMPLE_RATE, read_waveform
from mmerc.media.degradation import DEGRADATIONS, degrade

Change = Callable[[np.ndarray, int], object]  # a waveform and a seed


def measure(change: Change, waveforms: Sequence[np.ndarray]) -> float:
    change(waveforms[0], 0)
    start = time.process_time()
    for seed, waveform in enumerate(waveforms[1:]):
        change(waveform, seed)
    seconds = sum(map(len, waveforms[1:])) / SAMPLE_RATE
    return round(1000 * (time.process_time() - start) / seconds, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, default=Path("../shared/data/ravdess/Actor_21"))
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    files = sorted(file for file in options.clips.rglob("*") if file.is_file())[: options.count + 1]
    waveforms = [read_waveform(Clip(file)) for file in files]
    start = time.process_time()
    KINDS["noise"](waveforms[0], random.Random(0))
    result: dict[str, object] = {
        "recordings": len(waveforms) - 1,
        "import of audiomentations, s": time.process_time() - start,
    }
    result["change of speed"] = measure(lambda waveform, seed: change_speed(waveform, 0.9 + seed % 20 / 100), waveforms)
    result["augmentation"] = {
        name: measure(lambda waveform, seed, apply=apply: apply(waveform, random.Random(seed)), waveforms)  # type: ignore[misc]
        for name, apply in KINDS.items()
    }
    result["degradation"] = {
        name: measure(lambda waveform, seed, name=name: degrade(waveform, name, np.random.default_rng(seed)), waveforms)  # type: ignore[misc]
        for name in DEGRADATIONS
    }
    show(result, options.out)


if __name__ == "__main__":
    main()
