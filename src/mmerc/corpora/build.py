"""From a reader's rows to a corpus: the label set, the order, the speakers, and every problem on the way."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mmerc.corpora.dialogue import Corpus, Problem, Utterance, group_into_dialogues
from mmerc.corpora.labels import choose_labels, tidy_label
from mmerc.corpora.votes import count_known_votes
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError

log = logging.getLogger("mmerc")
SHOWN_REASONS = 3  # in the error about a corpus without a usable row


def build_corpus(
    name: str,
    utterances: Sequence[Utterance],
    problems: Sequence[Problem],
    labels: LabelSet | None = None,
    *,
    leaky_signals: tuple[str, ...] = (),
) -> Corpus:
    """A corpus of a reader's utterances, whose emotions are as the files write them.

    `labels` is the label set; without it `choose_labels` chooses one. A label outside the set leaves its utterances
    unlabelled; it is a problem and is logged as a warning.

    Raises:
        CorpusError: there is no utterance; the sentence names the first problems.
    """
    if not utterances:
        reasons = "; ".join(f"{problem.where}: {problem.what}" for problem in problems[:SHOWN_REASONS])
        more = f" (and {len(problems) - SHOWN_REASONS} more problems)" if len(problems) > SHOWN_REASONS else ""
        raise CorpusError(
            f"{name} has no row that can be used. {reasons or 'It has no rows'}{more}: correct the files."
        )
    labels, labelled, label_problems = label_utterances(utterances, labels)
    labelled, vote_problems = count_known_votes(labelled, labels)
    label_problems += vote_problems
    for problem in label_problems:
        log.warning("%s: %s", problem.where, problem.what)
    splits, duplicates = group_into_dialogues(labelled)
    return Corpus(name, labels, splits, (*problems, *label_problems, *duplicates), leaky_signals)


def label_utterances(
    utterances: Sequence[Utterance], labels: LabelSet | None = None
) -> tuple[LabelSet, list[Utterance], list[Problem]]:
    """The label set, the utterances with its names as their emotions, and a problem for each label that is not in it."""
    tidy = [tidy_label(utterance.emotion) for utterance in utterances]
    counts = Counter(label for label in tidy if label)
    choice = choose_labels(counts, labels)
    fix = "Correct it, or give the label set with --labels" if labels is None else "Correct it, or add it to the set"
    problems = [
        Problem(
            "label",
            utterances[tidy.index(label)].name,
            f'the label "{label[:40]}" ({counts[label]} of {counts.total()}) {reason}: its utterances have no label. {fix}',
        )
        for label, reason in choice.refused.items()
    ]
    names = {
        label: choice.labels.normalise(label) if label and label not in choice.refused else None for label in set(tidy)
    }
    labelled = [
        utterance if utterance.emotion == names[label] else replace(utterance, emotion=names[label])
        for utterance, label in zip(utterances, tidy, strict=True)
    ]
    return choice.labels, labelled, problems
