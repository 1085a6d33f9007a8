"""Several annotators: their votes for the emotion of an utterance, the label that these give, and how much they agree."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from mmerc.corpora.dialogue import Problem, Utterance
from mmerc.corpora.labels import tidy_label
from mmerc.emotions import ALIASES, LabelSet

ANNOTATOR = "emotion_"  # a column for each annotator, such as emotion_1, with a label
COUNTS = "votes_"  # a column for each label, such as votes_joy, with the number or share of annotators


def read_votes(row: Mapping[str, str], where: str) -> tuple[dict[str, float], list[Problem]]:
    """The votes in a row: from columns `emotion_NAME` with labels, or `votes_LABEL` with numbers.

    >>> read_votes({"emotion_1": "Joy", "emotion_2": "joy", "emotion_3": "anger"}, "row 2")
    ({'joy': 2.0, 'anger': 1.0}, [])
    >>> read_votes({"votes_joy": "0.75", "votes_anger": "0.25"}, "row 2")
    ({'joy': 0.75, 'anger': 0.25}, [])
    """
    votes: Counter[str] = Counter()
    problems = []
    for column, cell in row.items():
        if column.startswith(ANNOTATOR) and (label := tidy_label(cell)):
            votes[label] += 1
        elif column.startswith(COUNTS) and cell:
            try:
                count = float(cell.replace(",", "."))
            except ValueError:
                count = -1.0
            if not 0 <= count < float("inf"):
                problems.append(
                    Problem("votes", where, f'{column} is "{cell[:40]}" and not a count; it is not counted')
                )
            elif count > 0:
                votes[tidy_label(column.removeprefix(COUNTS))] += count  # type: ignore[assignment]
    return {label: float(count) for label, count in votes.items()}, problems


def settle_votes(utterances: Sequence[Utterance]) -> list[Utterance]:
    """The utterances, in which the label with most votes is the emotion of those without one.

    Of several such labels, the one with most votes in the whole corpus is taken.
    """
    totals = _count_words(votes for each in utterances for votes in each.votes.items())
    settled = []
    for each in utterances:
        if each.votes and not tidy_label(each.emotion):
            words = _count_words(each.votes.items())
            best = min(words, key=lambda word: (-words[word], -totals[word], word))
            each = replace(each, emotion=next(label for label in each.votes if ALIASES.get(label, label) == best))
        settled.append(each)
    return settled


def _count_words(votes: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The votes for each label, where "happy" and "joy" are one."""
    words: dict[str, float] = {}
    for label, count in votes:
        word = ALIASES.get(label, label)
        words[word] = words.get(word, 0.0) + count
    return words


def count_known_votes(utterances: Sequence[Utterance], labels: LabelSet) -> tuple[list[Utterance], list[Problem]]:
    """The utterances with the votes for labels of the set, and one problem for votes for other labels."""
    refused: Counter[str] = Counter()
    kept = []
    for each in utterances:
        votes: dict[str, float] = {}
        for label, count in each.votes.items():
            if label in labels:
                votes[labels.normalise(label)] = votes.get(labels.normalise(label), 0.0) + count
            else:
                refused[label] += count  # type: ignore[assignment]
        kept.append(replace(each, votes=votes) if each.votes else each)
    found = ", ".join(f"{label} ({count:g})" for label, count in refused.most_common())
    what = f"votes for labels outside of the label set are not counted: {found}"
    return kept, [Problem("votes", "all utterances", what)] if refused else []


def measure_agreement(utterances: Iterable[Utterance]) -> dict[str, float] | None:
    """Krippendorff's alpha (nominal; Krippendorff 2011) of the votes, and what it is computed from; None without two votes.

    1 is perfect agreement, 0 is that of random votes. `majority` is the mean share of votes for the most frequent label.

    >>> same = [Utterance("train", 0, number, votes={label: 3.0}) for number, label in enumerate(("joy", "fear"))]
    >>> measure_agreement(same)
    {'alpha': 1.0, 'majority': 1.0, 'utterances': 2, 'votes': 6.0}
    """
    counted = [each.votes for each in utterances if sum(each.votes.values()) >= 2]
    labels = sorted({label for votes in counted for label in votes})
    if not counted:
        return None
    counts = np.asarray([[votes.get(label, 0.0) for label in labels] for votes in counted])  # [U, C]
    per_unit = counts.sum(1)  # [U]
    total = per_unit.sum()
    agreeing = ((counts * np.maximum(counts - 1, 0)).sum(1) / (per_unit - 1)).sum()
    expected = total**2 - (counts.sum(0) ** 2).sum()
    alpha = 1.0 if expected == 0 else 1 - (total - 1) * (total - agreeing) / expected
    return {
        "alpha": round(float(alpha), 6),
        "majority": float((counts.max(1) / per_unit).mean()),
        "utterances": len(counted),
        "votes": float(total),
    }
