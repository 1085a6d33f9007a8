"""Continuous dimensions of a corpus, such as valence: their values in rows, and their distribution in training."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mmerc.corpora.dialogue import Corpus, Problem
from mmerc.emotions import Dimension

COLUMNS = ("valence", "arousal", "dominance")
MIN_DEVIATION = 1e-6  # of a dimension that can be learned


def read_dimensions(row: Mapping[str, str], where: str) -> tuple[dict[str, float], list[Problem]]:
    """The ratings in the columns `valence`, `arousal` and `dominance` of a row, and a problem for each that is no number.

    >>> read_dimensions({"valence": "3,5", "arousal": ""}, "row 2")
    ({'valence': 3.5}, [])
    """
    found, problems = {}, []
    for name in COLUMNS:
        text = row.get(name, "")
        if not text or text.lower() in ("nan", "na", "n/a"):
            continue
        try:
            value = float(text.replace(",", "."))
        except ValueError:
            value = math.nan
        if math.isfinite(value):
            found[name] = value
        else:
            problems.append(
                Problem("dimension", where, f'{name} is "{text[:40]}" and not a number; the rating is missing')
            )
    return found, problems


def fit_dimensions(corpus: Corpus) -> Corpus:
    """The corpus with those dimensions in its label set that vary in its training split, or in all splits if it has no such split.

    Where several corpora are joined and a dimension has another scale in one of them, this is a problem.
    """
    dialogues = corpus.splits.get("train") or sum(corpus.splits.values(), ())
    rated: dict[str, dict[str, list[float]]] = {}
    for dialogue in dialogues:
        for each in dialogue.utterances:
            for name, value in each.dimensions.items():
                rated.setdefault(name, {}).setdefault(dialogue.corpus, []).append(value)
    dimensions, problems = [], list(corpus.problems)
    for name in sorted(rated, key=_sort_key):
        values = np.concatenate([np.asarray(each) for each in rated[name].values()])
        if values.std() < MIN_DEVIATION:
            continue
        dimensions.append(Dimension(name, *map(float, (values.mean(), values.std(), values.min(), values.max()))))
        spans = {member: max(each) - min(each) for member, each in rated[name].items()}
        if max(spans.values()) > 2 * min(spans.values()):
            found = ", ".join(f"{min(each):g} to {max(each):g} in {member}" for member, each in rated[name].items())
            problems.append(Problem("dimension", corpus.name, f"{name} has several scales ({found}): bring it to one"))
    if not dimensions:
        return corpus
    return replace(corpus, labels=replace(corpus.labels, dimensions=tuple(dimensions)), problems=tuple(problems))


def _sort_key(name: str) -> tuple[int, str]:
    return (COLUMNS.index(name) if name in COLUMNS else len(COLUMNS), name)
