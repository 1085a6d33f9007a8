from dataclasses import replace

import numpy as np

from mmerc.corpora import Corpus, Dialogue, Utterance
from mmerc.emotions import SEVEN
from mmerc.training.environment import compute_fingerprint, describe_environment


def corpus(text: str = "hello", **fields: object) -> Corpus:
    utterance = replace(Utterance("train", 0, 0, "A", text, emotion="joy"), **fields)  # type: ignore[arg-type]
    return Corpus("c", SEVEN, {"train": (Dialogue("train", 0, (utterance,)),)})


def test_a_fingerprint_depends_on_texts_and_signals() -> None:
    assert compute_fingerprint(corpus()) == compute_fingerprint(corpus())
    assert compute_fingerprint(corpus()) != compute_fingerprint(corpus("bye"))
    signals = ({}, {"face": b"jpeg"}, {"pulse": np.ones(2)}, {"pulse": np.zeros(2)}, {"skin": np.ones(2)})
    assert len({compute_fingerprint(corpus(signals=each)) for each in signals}) == 5


def test_the_environment_names_versions() -> None:
    found = describe_environment()
    assert found["versions"]["torch"].startswith("2.") and found["processor_threads"] >= 1
