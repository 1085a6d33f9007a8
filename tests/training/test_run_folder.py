from dataclasses import replace
from pathlib import Path

import numpy as np

from mmerc.corpora import Corpus, Dialogue, Utterance
from mmerc.emotions import SEVEN
from mmerc.training.run_folder import corpus_fingerprint, environment, seed_folders


def corpus(text: str = "hello") -> Corpus:
    turn = Utterance("train", 0, 0, "A", text, emotion="joy")
    return Corpus("c", SEVEN, {"train": (Dialogue("train", 0, (turn,)),)})


def test_fingerprints_see_texts_and_clips() -> None:
    assert corpus_fingerprint(corpus()) == corpus_fingerprint(corpus())
    assert corpus_fingerprint(corpus()) != corpus_fingerprint(corpus("bye"))
    turn = next(corpus().utterances("train"))
    told = {
        corpus_fingerprint(Corpus("c", SEVEN, {"train": (Dialogue("train", 0, (replace(turn, signals=signals),)),)}))
        for signals in ({}, {"face": b"jpeg"}, {"pulse": np.ones(2)}, {"pulse": np.zeros(2)}, {"skin": np.ones(2)})
    }
    assert len(told) == 5


def test_seeds_and_environment(tmp_path: Path) -> None:
    assert seed_folders(tmp_path, 1) == [tmp_path]
    assert [folder.name for folder in seed_folders(tmp_path, 2)] == ["seed-0", "seed-1"]
    assert environment()["versions"]["torch"].startswith("2.")
