"""How often `track: speaking` chooses the right one of two faces, on composed videos, as JSON; chance is one half.

    python benchmarks/speaking.py [--voices ../shared/data/ravdess] [--trials 40] [--out FILE]

Each video shows two portraits for four seconds at 12.5 frames a second. Both heads move. The speaker's mouth opens with the
loudness of a recorded voice, up to 0.12 s late and with a random error of a third at each frame. The mouth of the other
person follows another recording (`another voice`), opens now and then without sound (`restless`), or stays closed (`still`).
The voices are those of RAVDESS's dev actors, from a random start: the actors say two sentences in one rhythm, and without
the random start both mouths would open together.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from reference.two_people import FRAMES, SECONDS, TIMES, compose_video
from result import show

from mmerc.corpora import Clip, open_corpus
from mmerc.encoders.face.active_speaker import compute_loudness, score_speakers
from mmerc.encoders.face.mtcnn import MTCNN
from mmerc.encoders.face.tracks import detect_over_time, link_tracks
from mmerc.media import SAMPLE_RATE, read_waveform

MAX_DELAY, OPENING_ERROR = 0.12, 0.33  # seconds; standard deviation as a fraction of the opening
MAX_MOVEMENT = 12  # pixels


def read_voice(clip: Clip, rng: np.random.Generator) -> np.ndarray:
    """Four seconds of a recording, repeated if it is shorter, from a random start."""
    waveform = np.resize(read_waveform(clip), int(SECONDS * SAMPLE_RATE))
    return np.roll(waveform, int(rng.integers(len(waveform))))


def make_speaking_mouth(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How far the mouth that says this is open at each frame."""
    loudness = compute_loudness(waveform, TIMES - rng.uniform(0, MAX_DELAY))
    return np.clip(loudness / (np.quantile(loudness, 0.9) + 1e-6) * rng.normal(1, OPENING_ERROR, FRAMES), 0, 1)


def make_restless_mouth(rng: np.random.Generator) -> np.ndarray:
    return np.clip(np.convolve(rng.random(FRAMES) < 0.15, np.ones(3) / 2, "same"), 0, 1)


def move_heads(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move each half of the frames independently."""
    halves = []
    for half in np.split(frames, 2, axis=2):
        steps = np.cumsum(rng.normal(0, 1.5, (FRAMES, 2)), 0).clip(-MAX_MOVEMENT, MAX_MOVEMENT).round().astype(int)
        halves.append(np.stack([np.roll(image, tuple(step), (0, 1)) for image, step in zip(half, steps, strict=True)]))
    return np.concatenate(halves, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voices", type=Path, default=Path("../shared/data/ravdess"))
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    corpus = open_corpus(f"ravdess:{options.voices}")
    clips = [utterance.clip for utterance in corpus.utterances("dev") if utterance.clip is not None]
    if not clips:
        raise SystemExit(f"{options.voices} has no dev recordings: give the folder of RAVDESS.")
    rng = np.random.default_rng(0)
    detector = MTCNN.pretrained(min_face_size=40)
    right = dict.fromkeys(("another voice", "restless", "still"), 0)
    for trial in range(options.trials):
        waveforms = [read_voice(clips[index], rng) for index in rng.integers(0, len(clips), 2)]
        mouth = make_speaking_mouth(waveforms[0], rng)
        others = {
            "another voice": make_speaking_mouth(waveforms[1], rng),
            "restless": make_restless_mouth(rng),
            "still": np.zeros(FRAMES),
        }
        is_left = bool(rng.integers(2))
        for name, other in others.items():
            frames = move_heads(compose_video(*((mouth, other) if is_left else (other, mouth)), seed=trial), rng)
            images = torch.from_numpy(frames)
            tracks = link_tracks(detect_over_time(detector, images, [0]))
            scores = score_speakers(tracks, images, TIMES, waveforms[0])
            best = tracks[int(np.argmax(scores))]
            right[name] += (float(best.boxes[:, ::2].mean()) < images.shape[2] / 2) == is_left
    result: dict[str, Any] = {"trials of each": options.trials}
    result |= {f"right, {name}": round(count / options.trials, 3) for name, count in right.items()}
    show(result, options.out)


if __name__ == "__main__":
    main()
