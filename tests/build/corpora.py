"""Small corpora with the layouts of RAVDESS and EMO-DB, of tones instead of voices."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 16000
RAVDESS = {"01": 120.0, "05": 400.0}  # the code of the emotion, and the frequency of its tone: neutral, angry
EMODB = {"N": 120.0, "W": 400.0}


def write_takes(folder: Path) -> None:
    """Write `folder/ravdess` with actors of train and dev, and `folder/emodb` with speakers of train and dev."""
    rng = np.random.default_rng(0)
    for actor in ("01", "02", "21"):
        for emotion, frequency in RAVDESS.items():
            for take in ("01", "02"):
                _write_tone(folder / f"ravdess/Actor_{actor}/03-01-{emotion}-01-01-{take}-{actor}.wav", frequency, rng)
    for speaker in ("03", "08", "12"):
        for emotion, frequency in EMODB.items():
            for text in ("a01", "b02"):
                _write_tone(folder / f"emodb/{speaker}{text}{emotion}a.wav", frequency, rng)


def _write_tone(file: Path, frequency: float, rng: np.random.Generator) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(RATE // 2) / RATE
    soundfile.write(file, 0.3 * np.sin(2 * np.pi * frequency * time) + 0.01 * rng.normal(size=len(time)), RATE)
