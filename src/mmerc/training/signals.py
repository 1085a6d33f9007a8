"""Modalities for a corpus with precomputed signals: an encoder for each signal, in addition to the text network of the preset."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain, count

import numpy as np

from mmerc.config import Settings
from mmerc.config.load import MODALITIES
from mmerc.config.schema import check_modality_name
from mmerc.corpora import Corpus
from mmerc.errors import ConfigError

WORDS = "words"  # name of the text network where a signal has the name text
SIGNAL: Settings = {
    "encoder": "signal",
    "hidden_size": 64,
    "dropout": 0.5,
    "epochs": 20,
    "batch_size": 32,
    "learning_rate": 1.0e-3,
    "ema_decay": 0.99,
    "label_smoothing": 0.05,
    "patience": 20,
}
# A network that has seen the training labels gives more reliable features on training rows than on new rows. The size of this gap
# cannot be measured on these rows. A fusion that is trained for long learns to rely on such features too much.
SHORT_FUSION: Settings = {"learning_rate": 1.0e-4, "epochs": 8, "dropout": 0.5}
NOISE_STD, LEAKY_NOISE_STD = 0.7, 1.5  # for signals of one vector per utterance


def add_signals(settings: Settings, corpus: Corpus, only: Sequence[str] | None = None) -> Settings:
    """The settings of a preset with the signals of the corpus as modalities; the same settings if it has none.

    A signal with one vector per utterance is read in the context of its dialogue. Where the corpus has `leaky_signals`, the
    fusion is trained for fewer epochs. The preset's text network stays if there are texts; its voice and face networks stay
    if there are clips and no signal has their name. `only`: the modalities that are wanted (default: all).

    Raises:
        ConfigError: the name of a wanted signal cannot name a modality.
    """
    dimensions: dict[str, Counter[int]] = defaultdict(Counter)
    utterances = [utterance for split in corpus.splits for utterance in corpus.utterances(split)]
    for utterance in utterances:
        for name, value in utterance.signals.items():
            if isinstance(value, np.ndarray):
                dimensions[name][value.ndim] += 1
    if not dimensions:
        return settings
    for name in list(dimensions):
        try:
            check_modality_name(name)
        except ConfigError:
            if only is None or name in only:
                raise
            del dimensions[name]
    noise = {
        name: (LEAKY_NOISE_STD if name in corpus.leaky_signals else NOISE_STD)
        for name, found in dimensions.items()
        if found[1] > found[2]  # the majority decides: a few rows of another shape are errors
    }
    sections: dict[str, Settings] = {
        name: {**SIGNAL, "signal": name, "dialogue_context": name in noise, "noise_std": noise.get(name, 0.0)}
        for name in sorted(dimensions)
    }
    has_clips = any(utterance.clip for utterance in utterances)
    for name, section in settings.get(MODALITIES, {}).items():
        if name == "text" and any(utterance.text for utterance in utterances):
            free = (each for each in chain(("text", WORDS), (f"{WORDS}-{n}" for n in count(2))) if each not in sections)
            sections[next(free)] = section
        elif name != "text" and has_clips and name not in sections:
            sections[name] = section
    changed = {**settings, MODALITIES: sections}
    if set(corpus.leaky_signals) & set(sections if only is None else only):
        changed["fusion"] = {**settings.get("fusion", {}), **SHORT_FUSION}
    return changed
