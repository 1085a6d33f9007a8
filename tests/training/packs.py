"""A small pack of signals of several speakers, on which a network trains in a second."""

from pathlib import Path

import numpy as np

from mmerc import load_config, open_corpus
from mmerc.corpora import Corpus
from mmerc.training.run_config import RunConfig


def write_pack(folder: Path, *, speakers: int = 6, signals: tuple[str, ...] = ("pulse",), joy: str = "joy") -> Corpus:
    """Four labelled utterances of each speaker in train and dev, and four of another one in test without labels."""
    rng = np.random.default_rng(0)
    rows, arrays = ["split,dialogue,utterance,speaker,text,emotion"], {}
    for speaker in range(speakers + 1):
        for number in range(4):
            split = ("train", "dev")[speaker % 2] if speaker < speakers else "test"
            emotion = (joy, "fear")[number % 2] if speaker < speakers else ""
            rows.append(f"{split},{speaker}-{number},0,s{speaker},,{emotion}")
            arrays[f"{speaker}-{number}/0"] = rng.normal(number % 2, 1, (3, 2))
    folder.mkdir()
    (folder / "utterances.csv").write_text("\n".join(rows))
    for name in signals:
        np.savez(folder / f"{name}.npz", **arrays)
    return open_corpus(f"pack:{folder}")


def make_config(corpus: Corpus) -> RunConfig:
    """Networks for the signals that train for two epochs."""
    names = sorted({name for each in corpus.utterances("train") for name in each.signals})
    few = [f"{name}.epochs=2" for name in names] + ["fusion.epochs=2"]
    return load_config("compact", overrides=few, modalities=names, corpus=corpus)
