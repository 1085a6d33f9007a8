"""Several corpora as one: one label set, unique keys, and the corpus that each dialogue comes from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mmerc.corpora.dialogue import Corpus, Dialogue, Problem
from mmerc.emotions import ALIASES, SEVEN, LabelSet


def join_corpora(corpora: Mapping[str, Corpus]) -> Corpus:
    """One corpus with the dialogues of all, split by split. The keys of `corpora` are the names of its members.

    A dialogue is called `MEMBER/DIALOGUE`, and its `corpus` is the name of the member. Labels with one meaning become one label
    (`join_label_sets`). Everything else stays as the members have it.
    """
    names = join_label_sets([corpus.labels for corpus in corpora.values()])
    splits: dict[str, tuple[Dialogue, ...]] = {}
    problems: list[Problem] = []
    for (member, corpus), renamed in zip(corpora.items(), names, strict=True):
        for split, dialogues in corpus.splits.items():
            moved = tuple(_move_dialogue(dialogue, member, renamed) for dialogue in dialogues)
            splits[split] = splits.get(split, ()) + moved
        problems += [replace(problem, where=f"{member}: {problem.where}") for problem in corpus.problems]
    found = dict.fromkeys(name for renamed in names for name in renamed.values())
    given = next(iter(corpora.values())).labels
    return Corpus(
        name=" + ".join(corpus.name for corpus in corpora.values()),
        labels=given if set(given.names) == found.keys() else LabelSet(tuple(sorted(found, key=_sort_key))),
        splits=splits,
        problems=tuple(problems),
        leaky_signals=tuple(dict.fromkeys(name for corpus in corpora.values() for name in corpus.leaky_signals)),
        location="+".join(corpus.location for corpus in corpora.values()),
        warning=" ".join(dict.fromkeys(corpus.warning for corpus in corpora.values() if corpus.warning)),
    )


def join_label_sets(label_sets: Sequence[LabelSet]) -> list[dict[str, str]]:
    """For each label set the name of each of its labels in the joined set.

    Equal label sets stay as they are. Otherwise a label gets MELD's word where it is another name for it, such as "joy" for
    "happy", unless its own set has two labels with this word, such as "calm" and "neutral".

    >>> join_label_sets([LabelSet(("happy", "excited")), LabelSet(("joy", "fear"))])
    [{'happy': 'joy', 'excited': 'excited'}, {'joy': 'joy', 'fear': 'fear'}]
    >>> join_label_sets([LabelSet(("calm", "neutral")), SEVEN])[0]
    {'calm': 'calm', 'neutral': 'neutral'}
    """
    if len({labels.names for labels in label_sets}) == 1:
        return [{name: name for name in labels.names} for labels in label_sets]
    found = []
    for labels in label_sets:
        words = {name: ALIASES.get(name, name) for name in labels.names}
        counts = Counter(words.values())
        found.append({name: word if counts[word] == 1 else name for name, word in words.items()})
    return found


def _move_dialogue(dialogue: Dialogue, member: str, names: Mapping[str, str]) -> Dialogue:
    identity = f"{member}/{dialogue.dialogue}"
    utterances = tuple(
        replace(
            each,
            dialogue=identity,
            emotion=None if each.emotion is None else names[each.emotion],
            votes={names[label]: count for label, count in each.votes.items()},
        )
        for each in dialogue.utterances
    )
    return replace(dialogue, dialogue=identity, utterances=utterances, corpus=member)


def _sort_key(label: str) -> tuple[int, str]:
    """MELD's seven in their order, then the others by name."""
    return (SEVEN.names.index(label) if label in SEVEN.names else len(SEVEN), label)
