"""How often `face.track: speaking` takes the right one of two faces, on composed clips, as JSON; by chance it is half.

    python benchmarks/speaking.py [--voices ../shared/data/ravdess] [--trials 40] [--out FILE]

Two portraits side by side, four seconds at 12.5 frames a second, both heads wandering. The speaker's mouth is open as far as a
recorded voice is loud, up to 0.12 s late, each frame a third off at random; the other's follows another recording (`another
voice`), opens now and then without any sound (`restless`), or stays shut (`still`). The voices are those of RAVDESS's dev
actors, begun at a random place: they say two sentences in one rhythm, and two people would open their mouths together.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from result import show

from mmerc.corpora import Clip, open_corpus
from mmerc.encoders.face.active_speaker import loudness, speaking_scores
from mmerc.encoders.face.mtcnn import FaceDetector
from mmerc.encoders.face.tracks import faces_over_time, linked
from mmerc.media import SAMPLE_RATE, read_waveform

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.encoders.face.composed import FRAMES, RATE, SECONDS, composed

TIMES = (np.arange(FRAMES) + 0.5) / RATE
LATE, OFF = 0.12, 0.33  # seconds; share of the opening
WANDER = 12  # pixels


def voice(clip: Clip, rng: np.random.Generator) -> np.ndarray:
    wave = np.resize(read_waveform(clip), int(SECONDS * SAMPLE_RATE))
    return np.roll(wave, int(rng.integers(len(wave))))


def mouth_of(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How far a mouth that says this is open at each frame."""
    loud = loudness(wave, TIMES - rng.uniform(0, LATE))
    return np.clip(loud / (np.quantile(loud, 0.9) + 1e-6) * rng.normal(1, OFF, FRAMES), 0, 1)


def restless(rng: np.random.Generator) -> np.ndarray:
    return np.clip(np.convolve(rng.random(FRAMES) < 0.15, np.ones(3) / 2, "same"), 0, 1)


def wandering(pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same pictures, each half moved about for itself."""
    halves = np.split(pictures, 2, axis=2)
    moved = []
    for half in halves:
        steps = np.cumsum(rng.normal(0, 1.5, (FRAMES, 2)), 0).clip(-WANDER, WANDER).round().astype(int)
        moved.append(np.stack([np.roll(image, tuple(step), (0, 1)) for image, step in zip(half, steps, strict=True)]))
    return np.concatenate(moved, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voices", type=Path, default=Path("../shared/data/ravdess"))
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    corpus = open_corpus(f"ravdess:{chosen.voices}")
    said = [turn.clip for turn in corpus.utterances("dev") if turn.clip is not None]
    if not said:
        raise SystemExit(f"{chosen.voices} has no dev recordings")
    rng = np.random.default_rng(0)
    detector = FaceDetector.pretrained(smallest=40)
    right = dict.fromkeys(("another voice", "restless", "still"), 0)
    for trial in range(chosen.trials):
        waves = [voice(said[place], rng) for place in rng.integers(0, len(said), 2)]
        mouth = mouth_of(waves[0], rng)
        others = {
            "another voice": mouth_of(waves[1], rng),
            "restless": restless(rng),
            "still": np.zeros(FRAMES),
        }
        left = bool(rng.integers(2))
        for name, other in others.items():
            pictures = wandering(composed(*((mouth, other) if left else (other, mouth)), seed=trial), rng)
            images = torch.from_numpy(pictures)
            tracks = linked(faces_over_time(detector, images, [0]))
            scores = speaking_scores(tracks, images, TIMES, waves[0])
            best = tracks[int(np.argmax(scores))]
            right[name] += (float(best.boxes[:, ::2].mean()) < images.shape[2] / 2) == left
    result: dict[str, Any] = {"trials of each": chosen.trials}
    result |= {f"right, {name}": round(count / chosen.trials, 3) for name, count in right.items()}
    show(result, chosen.out)


if __name__ == "__main__":
    main()
