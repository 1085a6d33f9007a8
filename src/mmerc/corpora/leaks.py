"""Leaks between the splits of a corpus: what a network may recognise in dev or test because it was in training."""

import re
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from mmerc.corpora.dialogue import Corpus, Utterance

MIN_WORDS = 4  # of a text that two people hardly say by chance
MIN_OVERLAP = 0.5  # of the shorter of two utterances
MAX_EXAMPLES = 3


@dataclass(frozen=True)
class Leak:
    """What two splits share.

    Attributes:
        kind: `speaker`, `text`, `time`, `audio`, `frames` or `signal`.
        first, second: the splits.
        count: utterances of the second split that have a counterpart in the first; for speakers, the number of people.
        total: utterances of the second split that could be compared; for speakers, the number of its people.
        examples: a few pairs, or people.
    """

    kind: str
    first: str
    second: str
    count: int
    total: int
    examples: tuple[str, ...]


def find_annotation_leaks(corpus: Corpus) -> list[Leak]:
    """The leaks that annotations show: common speakers, equal texts, and overlapping times of one recording.

    A text counts from four words on, without regard to case and punctuation. Times are compared where the corpus names recordings.
    """
    leaks = []
    for first, second in list_split_pairs(corpus):
        leaks.append(_find_common_speakers(corpus, first, second))
        leaks.append(find_equal(corpus, first, second, "text", lambda each: normalise_text(each.text or "")))
        leaks.append(_find_overlaps(corpus, first, second))
    return [leak for leak in leaks if leak.count]


def list_split_pairs(corpus: Corpus) -> Iterator[tuple[str, str]]:
    """Every two splits, the one that is trained on first."""
    return combinations(corpus.splits, 2)


def normalise_text(text: str) -> str:
    """The words of a text, or an empty text where there are too few.

    >>> normalise_text("Oh, my GOD! It's you?"), normalise_text("Oh my God!")
    ("oh my god it's you", '')
    """
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)*", unicodedata.normalize("NFKC", text).replace("’", "'").casefold())
    return " ".join(words) if len(words) >= MIN_WORDS else ""


def find_equal(corpus: Corpus, first: str, second: str, kind: str, identify: Callable[[Utterance], Hashable]) -> Leak:
    """The utterances of the second split whose identity occurs in the first; an empty identity is none."""
    seen: dict[Hashable, Utterance] = {}
    for each in corpus.utterances(first):
        if identity := identify(each):
            seen.setdefault(identity, each)
    compared = [(each, identity) for each in corpus.utterances(second) if (identity := identify(each))]
    return make_leak(
        kind, first, second, ((seen[identity], each) for each, identity in compared if identity in seen), len(compared)
    )


def make_leak(kind: str, first: str, second: str, pairs: Iterable[tuple[Utterance, Utterance]], total: int) -> Leak:
    """A leak from pairs of an utterance of the first split and one of the second, each of which occurs once."""
    found = [f"{one.name} = {other.name}" for one, other in pairs]
    return Leak(kind, first, second, len(found), total, tuple(found[:MAX_EXAMPLES]))


def _find_common_speakers(corpus: Corpus, first: str, second: str) -> Leak:
    people = [
        dict.fromkeys(
            f"{dialogue.corpus}/{name}" if dialogue.corpus else name
            for dialogue in corpus.dialogues(split)
            for each in dialogue.utterances
            for name in each.speakers
        )
        for split in (first, second)
    ]
    common = [name for name in people[1] if name in people[0]]
    return Leak("speaker", first, second, len(common), len(people[1]), tuple(common[:MAX_EXAMPLES]))


def _find_overlaps(corpus: Corpus, first: str, second: str) -> Leak:
    recordings: dict[str, list[Utterance]] = {}
    for each in _list_timed(corpus, first):
        recordings.setdefault(each.source, []).append(each)
    timed = list(_list_timed(corpus, second))
    pairs = []
    for each in timed:
        other = next((one for one in recordings.get(each.source, ()) if _overlap(one, each) > MIN_OVERLAP), None)
        if other is not None:
            pairs.append((other, each))
    return make_leak("time", first, second, pairs, len(timed))


def _list_timed(corpus: Corpus, split: str) -> Iterator[Utterance]:
    """The utterances with times in a named recording. A table names none: there, the source is the dialogue."""
    for each in corpus.utterances(split):
        if each.source and each.source != str(each.dialogue) and each.start is not None and each.end is not None:
            yield each


def _overlap(one: Utterance, other: Utterance) -> float:
    """The share of the shorter utterance that the other one covers."""
    assert one.start is not None and one.end is not None and other.start is not None and other.end is not None
    shorter = min(one.end - one.start, other.end - other.start)
    return (min(one.end, other.end) - max(one.start, other.start)) / shorter if shorter > 0 else 0.0
