"""Cross-validation: groups of dialogues dealt into folds. Each fold is a corpus of its own, with other splits.

A group never comes into two splits of a fold: neither a speaker, nor a session, nor a dialogue, as `by` says. Speakers who talk
with each other are one group, because a dialogue stays whole.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from mmerc.corpora.dialogue import Corpus, Dialogue, Utterance
from mmerc.corpora.location import add_fold
from mmerc.errors import ConfigError

Grouping = Literal["speaker", "session", "dialogue"]
DialogueKey = tuple[str, str]  # split and dialogue: ids repeat across splits

MIN_FOLDS = 3  # one is tested, one selects checkpoints, the others train
CHOICE = re.compile(rf"(?P<number>\d+)/(?P<count>\d+),(?P<by>{'|'.join(get_args(Grouping))}),(?P<seed>\d+)")


@dataclass(frozen=True)
class Group:
    """Dialogues that stay together. `name`: the speakers, the session or the dialogue."""

    name: str
    dialogues: tuple[Dialogue, ...]

    @property
    def size(self) -> int:
        """The number of labelled utterances."""
        return len(list_labelled(self.dialogues))


@dataclass(frozen=True)
class Folds:
    """A corpus that was dealt into folds. `groups`: those of each fold; together they hold every labelled dialogue once."""

    corpus: Corpus
    by: Grouping
    seed: int
    groups: tuple[tuple[Group, ...], ...]

    def __len__(self) -> int:
        return len(self.groups)

    def make_corpus(self, number: int) -> Corpus:
        """The corpus with fold `number` as test, every second group of the next fold as dev, and the others as train.

        Dialogues and utterances keep their keys, so that predictions have the split of the corpus itself. A dialogue without a
        label is left out.

        Raises:
            ConfigError: there is no such fold.
        """
        if number not in range(len(self)):
            raise ConfigError(f"{self.corpus.name} has no fold {number} of {len(self)}: count from 0.")
        splits = {get_key(dialogue): "train" for dialogue in _list_members(sum(self.groups, ()))}
        splits |= {get_key(dialogue): "dev" for dialogue in _list_members(self.groups[(number + 1) % len(self)][::2])}
        splits |= {get_key(dialogue): "test" for dialogue in _list_members(self.groups[number])}
        corpus = replace_splits(self.corpus, splits, ("train", "dev", "test"))
        choice = f"{number}/{len(self)},{self.by},{self.seed}"
        return replace(corpus, location=add_fold(self.corpus.location, choice))

    def list_test_groups(self, number: int) -> list[str]:
        """The name of the group of each labelled test utterance of a fold, in the order of its corpus."""
        names = {get_key(dialogue): group.name for group in self.groups[number] for dialogue in group.dialogues}
        return [
            names[get_key(dialogue)]
            for dialogue in list_dialogues(self.corpus)
            if get_key(dialogue) in names
            for _ in list_labelled([dialogue])
        ]


def deal_folds(corpus: Corpus, count: int, by: Grouping | None = None, seed: int = 0) -> Folds:
    """Deal the groups of a corpus into folds of nearly the same number of labelled utterances.

    The dialogues of all splits take part, except those without a labelled utterance. `by`: what a group is; by default
    speakers if every labelled utterance has one and there are enough groups of them, otherwise dialogues. Groups of equal size are
    dealt in an order that `seed` decides.

    Raises:
        ConfigError: there are fewer groups than folds, or utterances without the speaker or session that `by` needs.
    """
    if count < MIN_FOLDS:
        raise ConfigError(
            f"--folds {count}: use {MIN_FOLDS} or more, because one fold is tested and another one selects checkpoints."
        )
    dialogues = [dialogue for dialogue in list_dialogues(corpus) if list_labelled([dialogue])]
    if by is None:
        has_speakers = all(each.speaker.strip() for each in list_labelled(dialogues))
        by = "speaker" if has_speakers and len(group_by_speaker(dialogues)) >= count else "dialogue"
    _check_names(corpus, dialogues, by)
    groups = _group(dialogues, by)
    if len(groups) < count:
        raise ConfigError(_describe_too_few(corpus, dialogues, groups, by, count))
    order = np.random.default_rng(seed).permutation(len(groups))
    shuffled = [groups[index] for index in order]
    folds: list[list[Group]] = [[] for _ in range(count)]
    sizes = [0] * count
    for group in sorted(shuffled, key=lambda group: -group.size):  # the largest first, each to the smallest fold
        smallest = min(range(count), key=lambda fold: (sizes[fold], len(folds[fold])))
        folds[smallest].append(group)
        sizes[smallest] += group.size
    return Folds(corpus, by, seed, tuple(map(tuple, folds)))


def open_fold(corpus: Corpus, choice: str) -> Corpus:
    """The fold of a corpus that the parameter `fold` of a location names, as NUMBER/COUNT,BY,SEED.

    Raises:
        ConfigError: `choice` is written otherwise, or the corpus cannot be dealt so.
    """
    found = CHOICE.fullmatch(choice)
    if found is None:
        raise ConfigError(f'"fold={choice[:80]}" names no fold: write it as fold=0/5,speaker,0 (number/folds,by,seed).')
    by: Grouping = next(name for name in get_args(Grouping) if name == found["by"])
    return deal_folds(corpus, int(found["count"]), by, int(found["seed"])).make_corpus(int(found["number"]))


def replace_splits(corpus: Corpus, splits: Mapping[DialogueKey, str], order: Sequence[str]) -> Corpus:
    """The corpus with these dialogues only, each in its new split. Their keys stay, with the split that the corpus gave them."""
    moved: dict[str, list[Dialogue]] = {name: [] for name in order}
    for dialogue in list_dialogues(corpus):
        if get_key(dialogue) in splits:
            moved[splits[get_key(dialogue)]].append(dialogue)
    return replace(corpus, splits={name: tuple(dialogues) for name, dialogues in moved.items()})


def list_dialogues(corpus: Corpus) -> list[Dialogue]:
    """The dialogues of all splits."""
    return [dialogue for split in corpus.splits for dialogue in corpus.dialogues(split)]


def list_labelled(dialogues: Sequence[Dialogue]) -> list[Utterance]:
    """The utterances that have a label."""
    return [each for dialogue in dialogues for each in dialogue.utterances if each.emotion is not None]


def get_key(dialogue: Dialogue) -> DialogueKey:
    """(split, dialogue) as text."""
    return dialogue.split, str(dialogue.dialogue)


def group_by_speaker(dialogues: Sequence[Dialogue]) -> list[Group]:
    """Groups of dialogues that share no speaker: people who talk with each other, also through others, are in one group.

    A crowd such as "All" is nobody's name and joins no dialogues.
    """
    people = [sorted({name for each in dialogue.utterances for name in each.speakers}) for dialogue in dialogues]
    links: dict[str, str] = {name: name for names in people for name in names}

    def find(name: str) -> str:
        while links[name] != name:
            links[name] = name = links[links[name]]
        return name

    for names in people:
        for name in names[1:]:
            links[find(name)] = find(names[0])
    members: dict[str | DialogueKey, list[Dialogue]] = {}
    for dialogue, names in zip(dialogues, people, strict=True):
        members.setdefault(find(names[0]) if names else get_key(dialogue), []).append(dialogue)
    speakers: dict[str, list[str]] = {}
    for name in sorted(links):
        speakers.setdefault(find(name), []).append(name)
    return [
        Group(", ".join(speakers[key]) if isinstance(key, str) else " ".join(key), tuple(found))
        for key, found in members.items()
    ]


def _list_members(groups: Sequence[Group]) -> list[Dialogue]:
    return [dialogue for group in groups for dialogue in group.dialogues]


def _group(dialogues: Sequence[Dialogue], by: Grouping) -> list[Group]:
    if by == "speaker":
        return group_by_speaker(dialogues)
    if by == "dialogue":
        return [Group(" ".join(get_key(dialogue)), (dialogue,)) for dialogue in dialogues]
    sessions: dict[str, list[Dialogue]] = {}
    for dialogue in dialogues:
        sessions.setdefault(dialogue.session, []).append(dialogue)
    return [Group(name, tuple(members)) for name, members in sessions.items()]


def _check_names(corpus: Corpus, dialogues: Sequence[Dialogue], by: Grouping) -> None:
    """Raises ConfigError: a labelled utterance has no speaker, or its dialogue no session, and `by` needs it."""
    nameless: list[str] = []
    if by == "speaker":
        nameless = [each.name for each in list_labelled(dialogues) if not each.speaker.strip()]
    elif by == "session":
        nameless = [" ".join(get_key(dialogue)) for dialogue in dialogues if not dialogue.session]
    if nameless:
        what = "labelled utterances" if by == "speaker" else "dialogues"
        raise ConfigError(
            f"--fold-by {by}: {len(nameless)} {what} of {corpus.name} have no {by} (the first is {nameless[0]}): "
            "use --fold-by dialogue."
        )


def _describe_too_few(
    corpus: Corpus, dialogues: Sequence[Dialogue], groups: Sequence[Group], by: Grouping, count: int
) -> str:
    if by == "speaker" and any(len({each.speaker for each in dialogue.utterances}) > 1 for dialogue in dialogues):
        others = "dialogue or session" if all(dialogue.session for dialogue in dialogues) else "dialogue"
        return (
            f"--fold-by speaker: dialogues of {corpus.name} have several speakers, and a dialogue stays whole; its speakers "
            f"form {len(groups)} separate group{'s' * (len(groups) > 1)}, too few for --folds {count}: use --fold-by {others}."
        )
    remedy = "use fewer folds" if len(groups) >= MIN_FOLDS else "the corpus cannot be cross-validated so"
    if by != "dialogue" and len(dialogues) >= count:
        remedy = "use fewer folds or --fold-by dialogue"
    return f"{corpus.name} has {len(groups)} labelled {by}s, too few for --folds {count}: {remedy}."
