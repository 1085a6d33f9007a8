"""The counts of a corpus: the paper's Figure 1 as numbers, and the irregularities that can bias a result."""

from collections import Counter
from statistics import fmean, pstdev
from typing import Any

from mmerc.corpora.dialogue import Corpus, Dialogue, Utterance
from mmerc.corpora.votes import measure_agreement

SCENE_LENGTH = 4  # two dialogues share a scene if this many successive utterances have the same speakers and texts


def count_corpus(corpus: Corpus) -> dict[str, Any]:
    """Counts for each split and across splits, ready for JSON.

    For each split, `emotions` counts every label of the set (`None` where the split has no labels); `gaps` counts the dialogues
    that lack a number between the split's first (0 in MELD) and their own last; `overlaps` counts the neighbours of which the
    second starts before the first ends; `not_monotonic` counts the dialogues in which a start time goes back; `agreement` is that of several annotators, where there are some.
    """
    return {
        "corpus": corpus.name,
        "labels": list(corpus.labels.names),
        "splits": {split: _count_split(corpus, split) for split in corpus.splits},
        "repeated_scenes": find_repeated_scenes(corpus),
        "problems": [
            {"kind": problem.kind, "where": problem.where, "what": problem.what} for problem in corpus.problems
        ],
    }


def _count_split(corpus: Corpus, split: str) -> dict[str, Any]:
    dialogues = corpus.dialogues(split)
    utterances = list(corpus.utterances(split))
    counts = Counter(utterance.emotion for utterance in utterances)
    first = min((each.utterance for each in utterances if isinstance(each.utterance, int)), default=0)
    return {
        "utterances": len(utterances),
        "dialogues": len(dialogues),
        "speakers": len({(dialogue.corpus, each.speaker) for dialogue in dialogues for each in dialogue.utterances}),
        "clips": sum(utterance.clip is not None for utterance in utterances),
        "labelled": corpus.is_labelled(split),
        "emotions": {name: counts.get(name, 0) for name in corpus.labels.names} if counts.keys() - {None} else None,
        "agreement": measure_agreement(utterances),
        "dimensions": {
            name: {"utterances": len(values), "mean": fmean(values), "std": pstdev(values)}
            for name in dict.fromkeys(name for each in utterances for name in each.dimensions)
            if (values := [each.dimensions[name] for each in utterances if name in each.dimensions])
        },
        "gaps": sum(_has_gap(dialogue, first) for dialogue in dialogues),
        "overlaps": sum(_is_overlap(*pair) for dialogue in dialogues for pair in _pair_neighbours(dialogue)),
        "not_monotonic": sum(any(_goes_back(*pair) for pair in _pair_neighbours(dialogue)) for dialogue in dialogues),
    }


def _pair_neighbours(dialogue: Dialogue) -> list[tuple[Utterance, Utterance]]:
    return list(zip(dialogue.utterances, dialogue.utterances[1:], strict=False))


def _has_gap(dialogue: Dialogue, first: int) -> bool:
    numbers = [each.utterance for each in dialogue.utterances if isinstance(each.utterance, int)]
    return numbers != list(range(first, first + len(numbers)))


def _is_overlap(first: Utterance, second: Utterance) -> bool:
    return first.end is not None and second.start is not None and second.start < first.end


def _goes_back(first: Utterance, second: Utterance) -> bool:
    return first.start is not None and second.start is not None and second.start < first.start


def find_repeated_scenes(corpus: Corpus) -> list[dict[str, Any]]:
    """The pairs of dialogues of one split with equal utterances in a row: how many, and on how many labels they differ."""
    scenes = []
    for split in corpus.splits:
        first_seen: dict[tuple[tuple[str, str], ...], tuple[Dialogue, int]] = {}
        pairs: dict[tuple[str, str], tuple[Dialogue, int, Dialogue, int]] = {}
        for dialogue in corpus.dialogues(split):
            lines = [(each.speaker, each.text or "") for each in dialogue.utterances]
            for index in range(len(lines) - SCENE_LENGTH + 1):
                window = tuple(lines[index : index + SCENE_LENGTH])
                earlier, earlier_index = first_seen.setdefault(window, (dialogue, index))
                if earlier is not dialogue:
                    names = (str(earlier.dialogue), str(dialogue.dialogue))
                    pairs.setdefault(names, (earlier, earlier_index, dialogue, index))
        for names, (earlier, earlier_index, later, index) in pairs.items():
            same, conflicts = _compare(earlier.utterances[earlier_index:], later.utterances[index:])
            scenes.append(
                {"split": split, "dialogues": list(names), "utterances": same, "conflicting_labels": conflicts}
            )
    return scenes


def _compare(left: tuple[Utterance, ...], right: tuple[Utterance, ...]) -> tuple[int, int]:
    """How many utterances at the start of both are equal, and how many of these have different labels."""
    same = conflicts = 0
    for one, other in zip(left, right, strict=False):
        if (one.speaker, one.text) != (other.speaker, other.text):
            break
        same += 1
        conflicts += one.emotion != other.emotion
    return same, conflicts
