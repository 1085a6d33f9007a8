"""The label set of a corpus, chosen from the labels that occur in it."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mmerc.corpora.dialogue import Dialogue, Key
from mmerc.corpora.speakers import split_names
from mmerc.emotions import ALIASES, SEVEN, LabelSet

NO_LABEL = frozenset({"", "nan", "null", "n/a", "<na>", "#n/a"})  # as programs write an empty cell
WHOLE_NUMBER = re.compile(r"(-?\d+)[.,]0+")
SEVERAL = re.compile(r"\s+and\s+|\s*[/&,;|+]\s*", re.IGNORECASE)
KNOWN = frozenset(SEVEN.names) | ALIASES.keys()
MIN_LABELS = 10  # in a smaller corpus, no label counts as a misspelling
LABELS_PER_MISSPELLING = 100  # a misspelling is at most one label in this many
MIN_LETTERS_FOR_SUBSTITUTION = 5  # in a shorter word, one replaced letter may give another word: "sad" and "bad"


@dataclass(frozen=True)
class LabelChoice:
    """A label set, and the labels that are not in it with the reason why (a part of a sentence)."""

    labels: LabelSet
    refused: Mapping[str, str] = field(default_factory=dict)


def index_labels(dialogues: Iterable[Dialogue], labels: LabelSet) -> dict[Key, int]:
    """The index in `labels` of the label of each utterance, by key. An utterance without one of these labels is left out."""
    return {
        each.key: labels.index(each.emotion)
        for dialogue in dialogues
        for each in dialogue.utterances
        if each.emotion is not None and each.emotion in labels
    }


def tidy_label(label: str | None) -> str:
    """A label as label sets hold it: lower case, in NFC, a whole number without ".0", empty where there is none.

    >>> tidy_label(" Happy"), tidy_label("1.0"), tidy_label("NaN")
    ('happy', '1', '')
    """
    label = unicodedata.normalize("NFC", label or "").strip().lower()
    number = WHOLE_NUMBER.fullmatch(label)
    return "" if label in NO_LABEL else number[1] if number else label


def choose_labels(counts: Mapping[str, int], given: LabelSet | None = None) -> LabelChoice:
    """The label set of a corpus in which tidy labels occur `counts` times.

    It is `given` where the user has given one. It is MELD's seven where all labels are among these or their aliases, apart
    from misspellings (rare, and one letter away from a known name) and cells that list several emotions. Otherwise it is
    the set of labels that occur, as they are written. What is not in the set is refused, with a reason.

    >>> choose_labels({"happy": 300, "anger": 100, "angre": 1}).refused
    {'angre': 'looks like a misspelling of "anger"'}
    >>> choose_labels({"joy": 170, "contempt": 24}).labels.names
    ('contempt', 'joy')
    """
    if given is not None:
        strange = [label for label in counts if label not in given]
        return LabelChoice(given, dict.fromkeys(strange, f"is not one of the given labels {', '.join(given.names)}"))
    refused: dict[str, str] = {}
    total = sum(counts.values())
    for label, count in counts.items():
        if label in KNOWN:
            continue
        is_rare = total >= MIN_LABELS and count <= max(1, total // LABELS_PER_MISSPELLING)
        near = next((name for name in sorted(KNOWN) if is_misspelling(label, name)), None) if is_rare else None
        if split_names(label, KNOWN | counts.keys(), SEVERAL):
            refused[label] = "names several emotions, and an utterance has one label"
        elif near is not None:
            refused[label] = f'looks like a misspelling of "{near}"'
    kept = counts.keys() - refused.keys()
    if kept <= KNOWN:
        return LabelChoice(SEVEN, refused)
    return LabelChoice(LabelSet(tuple(sorted(kept, key=_sort_key))), refused)


def _sort_key(label: str) -> tuple[bool, int, str]:
    is_number = re.fullmatch(r"-?\d{1,18}", label) is not None
    return (not is_number, int(label) if is_number else 0, label)


def is_misspelling(label: str, name: str) -> bool:
    """Whether one letter added, left out or doubled, two swapped, or (in a long word) one replaced make `name` of `label`.

    >>> is_misspelling("suprise", "surprise"), is_misspelling("fera", "fear"), is_misspelling("bad", "sad")
    (True, True, False)
    """
    if not label.isalpha() or label == name:
        return False
    if abs(len(label) - len(name)) == 1:
        longer, shorter = sorted((label, name), key=len, reverse=True)
        return any(longer[:index] + longer[index + 1 :] == shorter for index in range(len(longer)))
    if len(label) != len(name):
        return False
    differing = [index for index in range(len(name)) if label[index] != name[index]]
    if len(differing) == 1:
        return len(name) >= MIN_LETTERS_FOR_SUBSTITUTION
    return len(differing) == 2 and Counter(label) == Counter(name) and differing[1] == differing[0] + 1
