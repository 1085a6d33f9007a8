"""The splits of a corpus in training: the labelled utterances, and the split that selects checkpoints."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmerc.corpora import Corpus, Dialogue, Key
from mmerc.corpora.dialogue import HELD_OUT
from mmerc.errors import RunError
from mmerc.features.store import FeatureStore

log = logging.getLogger("mmerc")
CONTEXT = -1  # the label of an utterance that is read with its dialogue and is not scored


def add_selection_split(corpus: Corpus) -> Corpus:
    """The corpus with a split that selects checkpoints: its labelled dev split, or `held-out`.

    `held-out` is every tenth labelled training dialogue; training does not see it then. Where several corpora are joined and
    only some have a labelled dev split, the others add every tenth of their training dialogues to dev. Where each has one dialogue,
    as with the corrections of several recordings, every tenth dialogue of all is held out.

    Raises:
        RunError: there is no labelled training split, or it has only one dialogue.
    """
    emotions = {split: {each.emotion for each in corpus.utterances(split) if each.emotion} for split in corpus.splits}
    labelled = [split for split, found in emotions.items() if found]
    if "train" not in labelled:
        found = ", ".join(labelled) or "none"
        remedy = "give its utterances emotions" if "train" in corpus.splits else "mark rows with split=train"
        raise RunError(f"{corpus.name} has no labelled train split (labelled splits: {found}): {remedy}.")
    for split in labelled:
        unseen = emotions[split] - emotions["train"]
        if unseen:
            log.warning("%s has labels that no training utterance has: %s", split, ", ".join(sorted(map(str, unseen))))
    split = "dev" if "dev" in labelled else HELD_OUT
    held_out = [dialogue for member in corpus.members or ("",) for dialogue in _hold_out(corpus, member)]
    if not held_out and split == HELD_OUT:
        held_out = list(_hold_out(corpus, None))
    if not held_out and split == HELD_OUT:
        raise RunError(
            f"{corpus.name} has no labelled dev split and only one training dialogue to take it from: add dialogues."
        )
    if not held_out:
        return corpus
    kept = tuple(dialogue for dialogue in corpus.dialogues("train") if dialogue not in held_out)
    return replace(corpus, splits={**corpus.splits, "train": kept, split: (*corpus.splits.get(split, ()), *held_out)})


def _hold_out(corpus: Corpus, member: str | None) -> Sequence[Dialogue]:
    """Every tenth labelled training dialogue of a member of the corpus, where the member has no labelled dev split.

    `member`: its name; `None` for all of the corpus. Empty where there is a labelled dev split, or only one training dialogue.
    """
    train, dev = (
        [
            dialogue
            for dialogue in corpus.splits.get(split, ())
            if member in (None, dialogue.corpus) and any(each.emotion for each in dialogue.utterances)
        ]
        for split in ("train", "dev")
    )
    if dev or len(train) < 2:
        return ()
    name = f"{member} in {corpus.name}" if member else corpus.name
    log.info("%s has no labelled dev split: every tenth training dialogue is held out to select checkpoints", name)
    step = min(10, len(train))
    return train[step - 1 :: step]


def get_selection_split(corpus: Corpus) -> str:
    """The split that selects checkpoints."""
    return HELD_OUT if HELD_OUT in corpus.splits else "dev"


def get_labels(corpus: Corpus, split: str) -> dict[Key, int]:
    """The label of every utterance of a split that has one."""
    return {
        each.key: corpus.labels.index(each.emotion) for each in corpus.utterances(split) if each.emotion is not None
    }


def list_dialogue_keys(labelled: Mapping[Key, int], corpus: Corpus, split: str) -> list[Key]:
    """Every utterance of the dialogues with a labelled one, in order: what a fusion that reads dialogues needs."""
    return [
        utterance.key
        for dialogue in corpus.dialogues(split)
        if any(utterance.key in labelled for utterance in dialogue.utterances)
        for utterance in dialogue.utterances
    ]


@dataclass(frozen=True)
class Choice:
    """The utterances of a split that a network is trained on, in their order.

    Attributes:
        keys, labels: of each utterance; the label is `CONTEXT` where it is not scored.
        corpora: of each, the number of its corpus among `corpus.members`; 0 where it is one corpus.
        speakers: of each.
    """

    keys: list[Key]
    labels: list[int]
    corpora: list[int]
    speakers: list[str]


def choose_utterances(corpus: Corpus, split: str, stores: Iterable[FeatureStore], *, by_dialogue: bool) -> Choice:
    """The labelled utterances that have a row with an array in one of `stores`; `by_dialogue` adds the others of their dialogues.

    Raises:
        KeyError: a store has no row for an utterance of the split.
    """
    utterances = list(corpus.utterances(split))
    keys = [utterance.key for utterance in utterances]
    is_present = np.any([store.count_steps(keys) > 0 for store in stores], axis=0)  # [N]
    emotions = [utterance.emotion for utterance in utterances]
    index = {each: CONTEXT if each is None else corpus.labels.index(each) for each in set(emotions)}
    labels = np.fromiter((index[each] for each in emotions), np.int64, len(keys))  # [N]
    is_read = is_present & (labels != CONTEXT)
    sizes = [len(dialogue) for dialogue in corpus.dialogues(split)]
    if by_dialogue:
        numbers = np.repeat(np.arange(len(sizes)), sizes)  # the dialogue of each utterance
        is_read = is_present & np.isin(numbers, numbers[is_read])
    members = {name: number for number, name in enumerate(corpus.members)}
    corpora = np.repeat([members.get(dialogue.corpus, 0) for dialogue in corpus.dialogues(split)], sizes)
    read = np.flatnonzero(is_read)
    return Choice(
        [keys[row] for row in read],
        labels[read].tolist(),
        corpora[read].tolist(),
        [utterances[row].speaker for row in read],
    )


def get_speakers(corpus: Corpus) -> dict[Key, str]:
    """The speaker of every utterance."""
    return {each.key: each.speaker for split in corpus.splits for each in corpus.utterances(split)}
