"""What of a corpus is trained on, and what selects: its own dev split, or a part of training that is held out for it."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from mmerc.corpora import Corpus, Key
from mmerc.corpora.dialogue import HELD_OUT
from mmerc.encoders import Encoder
from mmerc.errors import RunError
from mmerc.features import FeatureStore
from mmerc.training.batches import EncoderExamples

log = logging.getLogger("mmerc")


def trainable(corpus: Corpus) -> Corpus:
    """The corpus with a split to select on: its labelled dev, or `held-out`, a tenth of the training dialogues.

    Raises:
        RunError: there is no labelled training split.
    """
    occurring = {split: {turn.emotion for turn in corpus.utterances(split) if turn.emotion} for split in corpus.splits}
    labelled = [split for split, emotions in occurring.items() if emotions]
    if "train" not in labelled:
        found = ", ".join(labelled) or "none"
        mend = "give them an emotion each" if "train" in corpus.splits else "mark rows with split=train"
        raise RunError(f"{corpus.name} has no labelled train split (labelled: {found}): {mend}.")
    for split in labelled:
        unseen = occurring[split] - occurring["train"]
        if unseen:
            log.warning("no training utterance has what occurs in %s: %s", split, ", ".join(sorted(unseen)))
    if "dev" in labelled:
        return corpus
    dialogues = [
        dialogue for dialogue in corpus.dialogues("train") if any(turn.emotion for turn in dialogue.utterances)
    ]
    if len(dialogues) < 2:
        raise RunError(
            f"{corpus.name} has no labelled dev split and only one training dialogue to take it from: add more."
        )
    log.info("%s has no labelled dev split: every tenth training dialogue is held out for selection", corpus.name)
    every = min(10, len(dialogues))
    held = tuple(dialogues[every - 1 :: every])
    kept = tuple(dialogue for dialogue in corpus.dialogues("train") if dialogue not in held)
    return replace(corpus, splits={**corpus.splits, "train": kept, HELD_OUT: held})


def selection_of(corpus: Corpus) -> str:
    """The split on which epochs are selected."""
    return HELD_OUT if HELD_OUT in corpus.splits else "dev"


def labels_of(corpus: Corpus, split: str) -> dict[Key, int]:
    """The label of every utterance of a split that has one."""
    return {
        turn.key: corpus.labels.index(turn.emotion) for turn in corpus.utterances(split) if turn.emotion is not None
    }


def encoder_examples(encoder: Encoder, inputs: FeatureStore, corpus: Corpus, split: str) -> EncoderExamples:
    """What stage 1 is trained or judged on: the labelled utterances that have the modality."""
    labels = labels_with(inputs, corpus, split)
    return EncoderExamples(encoder, inputs, list(labels), list(labels.values()))


def labels_with(inputs: FeatureStore, corpus: Corpus, split: str) -> dict[Key, int]:
    """The label of every utterance that has one, and has what is in the store."""
    return {key: label for key, label in labels_of(corpus, split).items() if inputs[key].values is not None}


def read_with(labelled: Mapping[Key, int], corpus: Corpus, split: str) -> list[Key]:
    """Every utterance of the dialogues that hold a labelled one, in order: what a fusion that reads dialogues is given."""
    return [
        turn.key
        for dialogue in corpus.dialogues(split)
        if any(turn.key in labelled for turn in dialogue.utterances)
        for turn in dialogue.utterances
    ]
