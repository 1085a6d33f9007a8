"""The configuration of a corpus that brings features of its own: an encoder for each signal, the words beside them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain, count

import numpy as np

from mmerc.config import Settings
from mmerc.corpora import Corpus
from mmerc.errors import ConfigError
from mmerc.training.run_config import GENERAL, misnamed

WORDS = "words"  # the text network, where a signal is called text already
SIGNAL: Settings = {
    "encoder": "signal",
    "hidden_size": 64,
    "dropout": 0.5,
    "epochs": 20,
    "batch_size": 32,
    "learning_rate": 1.0e-3,
    "averaging": 0.99,
    "label_smoothing": 0.05,
    "patience": 20,
}
# Signals that were told the labels of their training rows are surer there than they ever are again, and no row is left to say by
# how much. A fusion that is trained for long learns to trust them above all.
BRIEFLY: Settings = {"learning_rate": 1.0e-4, "epochs": 8, "dropout": 0.5}
NOISE, LEAKY_NOISE = 0.7, 1.5  # of signals of one vector an utterance


def with_signals(settings: Settings, corpus: Corpus, only: Sequence[str] | None = None) -> Settings:
    """The settings of a preset, their modalities exchanged for those of the corpus where it has signals.

    A signal of one vector an utterance is read in the context of its dialogue. Where the corpus has signals that were `leaky_signals`
    the labels, `only` some of which may be wanted, the fusion is trained briefly. The preset's text network stays where
    there are words, its voice and face where there are clips and no signal takes their name.

    Raises:
        ConfigError: a signal's name can name no modality.
    """
    dimensions: dict[str, Counter[int]] = defaultdict(Counter)
    turns = [turn for split in corpus.splits for turn in corpus.utterances(split)]
    for turn in turns:
        for name, value in turn.signals.items():
            if isinstance(value, np.ndarray):
                dimensions[name][value.ndim] += 1
    if not dimensions:
        return settings
    for name in filter(misnamed, list(dimensions)):
        if only is None or name in only:
            raise ConfigError(misnamed(name))
        del dimensions[name]  # nobody wants it
    kept = {key: value for key, value in settings.items() if key in GENERAL}
    noise = {
        name: (LEAKY_NOISE if name in corpus.leaky_signals else NOISE)
        for name, found in dimensions.items()
        if found[1] > found[2]  # a line too many in somebody's file does not make sequences of all
    }
    sections = {
        name: {**SIGNAL, "signal": name, "dialogue_context": name in noise, "noise_std": noise.get(name, 0.0)}
        for name in sorted(dimensions)
    }
    clips = any(turn.clip for turn in turns)
    for name, section in settings.items():
        if name in GENERAL or not isinstance(section, dict):
            continue
        if name == "text" and any(turn.text for turn in turns):
            free = (each for each in chain(("text", WORDS), (f"{WORDS}-{n}" for n in count(2))) if each not in sections)
            sections[next(free)] = section
        elif name != "text" and clips and name not in sections:
            sections[name] = section
    if set(corpus.leaky_signals) & set(sections if only is None else only):
        kept["fusion"] = {**kept.get("fusion", {}), **BRIEFLY}
    return {**kept, **sections}
