"""What a corpus holds, counted: the paper's Figure 1 as numbers, and the oddities that bias a result."""

from collections import Counter
from typing import Any

from mmerc.corpora.dialogue import Corpus, Dialogue, Utterance

REPEATED_TURNS = 4  # so many same turns in a row, said by the same people, are one scene cut twice


def statistics(corpus: Corpus) -> dict[str, Any]:
    """Counts per split and across splits, ready for JSON.

    `labels` counts every label of the set (`None` where the split has no labels); `gaps` counts dialogues that lack
    a number between the split's first (0 in MELD) and their own last; `overlaps` pairs of neighbours of which the second starts before the first ends;
    `not_monotonic` dialogues in which a start time goes back.
    """
    splits = {split: _of_split(corpus, split) for split in corpus.splits}
    return {
        "corpus": corpus.name,
        "labels": list(corpus.labels.names),
        "splits": splits,
        "repeated_scenes": repeated_scenes(corpus),
        "problems": [
            {"kind": problem.kind, "where": problem.where, "what": problem.what} for problem in corpus.problems
        ],
    }


def _of_split(corpus: Corpus, split: str) -> dict[str, Any]:
    dialogues = corpus.dialogues(split)
    utterances = list(corpus.utterances(split))
    counts = Counter(utterance.emotion for utterance in utterances)
    labelled = corpus.labelled(split)
    first = min((turn.utterance for turn in utterances if isinstance(turn.utterance, int)), default=0)
    return {
        "utterances": len(utterances),
        "dialogues": len(dialogues),
        "speakers": len({utterance.speaker for utterance in utterances}),
        "clips": sum(utterance.clip is not None for utterance in utterances),
        "labelled": labelled,
        "emotions": {name: counts.get(name, 0) for name in corpus.labels.names} if counts.keys() - {None} else None,
        "gaps": sum(_has_gap(dialogue, first) for dialogue in dialogues),
        "overlaps": sum(sum(_overlap(*pair) for pair in _neighbours(dialogue)) for dialogue in dialogues),
        "not_monotonic": sum(any(_goes_back(*pair) for pair in _neighbours(dialogue)) for dialogue in dialogues),
    }


def _neighbours(dialogue: Dialogue) -> list[tuple[Utterance, Utterance]]:
    return list(zip(dialogue.utterances, dialogue.utterances[1:], strict=False))


def _has_gap(dialogue: Dialogue, first: int) -> bool:
    numbers = [turn.utterance for turn in dialogue.utterances if isinstance(turn.utterance, int)]
    return numbers != list(range(first, first + len(numbers)))


def _overlap(first: Utterance, second: Utterance) -> bool:
    return first.end is not None and second.start is not None and second.start < first.end


def _goes_back(first: Utterance, second: Utterance) -> bool:
    return first.start is not None and second.start is not None and second.start < first.start


def repeated_scenes(corpus: Corpus) -> list[dict[str, Any]]:
    """Pairs of dialogues of one split that share a run of turns, with the number of labels on which they differ."""
    found = []
    for split in corpus.splits:
        first_seen: dict[tuple[tuple[str, str], ...], tuple[Dialogue, int]] = {}
        pairs: dict[tuple[str, str], tuple[Dialogue, int, Dialogue, int]] = {}
        for dialogue in corpus.dialogues(split):
            turns = [(turn.speaker, turn.text or "") for turn in dialogue.utterances]
            for place in range(len(turns) - REPEATED_TURNS + 1):
                window = tuple(turns[place : place + REPEATED_TURNS])
                earlier, there = first_seen.setdefault(window, (dialogue, place))
                if earlier is not dialogue:
                    name = (str(earlier.dialogue), str(dialogue.dialogue))
                    pairs.setdefault(name, (earlier, there, dialogue, place))
        for (left, right), (earlier, there, later, here) in pairs.items():
            same, conflicts = _compare(earlier.utterances[there:], later.utterances[here:])
            found.append({"split": split, "dialogues": [left, right], "turns": same, "conflicting_labels": conflicts})
    return found


def _compare(left: tuple[Utterance, ...], right: tuple[Utterance, ...]) -> tuple[int, int]:
    same = conflicts = 0
    for one, other in zip(left, right, strict=False):
        if (one.speaker, one.text) != (other.speaker, other.text):
            break
        same += 1
        conflicts += one.emotion != other.emotion
    return same, conflicts
