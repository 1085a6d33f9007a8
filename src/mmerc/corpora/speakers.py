"""Who speaks where one speaker cell may name several people."""

import re
from collections.abc import Set

SEPARATOR = re.compile(r"\s+and\s+|\s*[/&,]\s*", re.IGNORECASE)
CROWDS = frozenset({"all", "both", "everyone", "everybody"})
MOST_PARTS = 16  # a longer list is no list of speakers, and trying all its parts takes long


def is_crowd(speaker: str) -> bool:
    """Whether the name stands for a group of unnamed people.

    >>> is_crowd("All"), is_crowd("Ann")
    (True, False)
    """
    return speaker.strip().lower() in CROWDS


def split_names(name: str, known: Set[str], separator: re.Pattern[str] = SEPARATOR) -> tuple[str, ...]:
    """The known names that `name` lists, split at "and", "&", "/" and commas; empty where it is not such a list.

    Each part must be known, so that "Smith, Ann" stays one person where no speaker is called just "Smith" or "Ann".

    >>> split_names("Joey and Ross", {"Joey", "Ross"}), split_names("Smith, Ann", {"Joey", "Ross"})
    (('Joey', 'Ross'), ())
    >>> split_names("Smith, Ann and Lee, Bob", {"Smith, Ann", "Lee, Bob"})
    ('Smith, Ann', 'Lee, Bob')
    """
    name = name.strip()
    cuts = [(match.start(), match.end()) for match in separator.finditer(name)]
    if not cuts or len(cuts) >= MOST_PARTS:
        return ()
    # lists[i]: the names up to the i-th cut, None where they are not all known. The last cut is the end of the text.
    starts, ends = [0, *(end for _, end in cuts)], [*(start for start, _ in cuts), len(name)]
    lists: list[tuple[str, ...] | None] = []
    for last, end in enumerate(ends):
        found: tuple[str, ...] | None = None
        for first in range(last + 1):
            before = () if first == 0 else lists[first - 1]
            part = name[starts[first] : end]
            if before is not None and part in known and part != name:
                found = (*before, part)
                break
        lists.append(found)
    return lists[-1] or ()
