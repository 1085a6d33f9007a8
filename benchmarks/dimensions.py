"""Continuous dimensions on a made corpus with a known signal: CCC of each system, as JSON.

    python benchmarks/dimensions.py DIR [--out FILE]

Two signals give the ratings: valence depends on the first, arousal on both. Three annotators vote by the first. 400 utterances
train, 100 select the checkpoint, and 100 are tested. DIR gets the corpus and the run.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from result import show

from mmerc import evaluate, load_config, open_corpus, train

HEADER = (
    "split",
    "dialogue",
    "utterance",
    "speaker",
    "text",
    "emotion_1",
    "emotion_2",
    "emotion_3",
    "valence",
    "arousal",
)


def write_corpus(folder: Path) -> None:
    """Write `utterances.csv` and the signals `pulse` [T, 3] and `skin` [T, 2]."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    rows, pulse, skin = [], {}, {}
    for number in range(600):
        split = "train" if number < 400 else "dev" if number < 500 else "test"
        a, b = rng.normal(size=2)
        steps = int(rng.integers(3, 8))
        pulse[f"{number}/0"] = np.stack([a + 0.1 * rng.normal(size=steps), *rng.normal(size=(2, steps))], 1)
        skin[f"{number}/0"] = np.stack([b + 0.1 * rng.normal(size=steps), rng.normal(size=steps)], 1)
        valence = 3 + 0.8 * a + 0.1 * rng.normal()
        arousal = 50 + 12 * np.tanh(b + 0.5 * a) + rng.normal()
        votes = np.where(rng.random(3) < 1 / (1 + np.exp(-3 * a)), "joy", "sadness")
        rows.append([split, number, 0, f"s{number % 20}", "", *votes, f"{valence:.3f}", f"{arousal:.3f}"])
    with (folder / "utterances.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows])
    np.savez(folder / "pulse.npz", **pulse)  # type: ignore[arg-type]
    np.savez(folder / "skin.npz", **skin)  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if not (arguments.folder / "corpus").is_dir():
        write_corpus(arguments.folder / "corpus")
    corpus = open_corpus(f"pack:{arguments.folder / 'corpus'}")
    train(corpus, arguments.folder / "run", load_config(corpus=corpus))
    show(evaluate(arguments.folder / "run")["dimensions"], arguments.out)


if __name__ == "__main__":
    main()
