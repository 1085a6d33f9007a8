"""Which prefixes of a file are speakers: those that recur, or all of them where the file is of that kind."""

import math
from collections import Counter
from collections.abc import Iterable

from mmerc.corpora.transcripts.names import Prefix, find_prefix

OFTEN = 0.1  # share of the cues that one name must open, where no other name recurs
MANY = {
    "caps": 0.3,
    "title": 0.4,
    "other": 0.5,
    "bracket": 0.5,
}  # share of cues with a prefix that makes the file of that kind


class Speakers:
    """The names that count as speakers in one file.

    openings: the first line of each cue, without dashes and chevrons. others: its further lines, and what follows a dash or a
    chevron. called: lines behind ">>", which marks a new speaker. known: names that the file's format gives.
    """

    def __init__(
        self, openings: Iterable[str], others: Iterable[str], called: Iterable[str], known: Iterable[str]
    ) -> None:
        self.known = {name.casefold() for name in known}
        self.names = {prefix.name for line in called if (prefix := find_prefix(line)) and prefix.kind != "bracket"}
        first = [find_prefix(line) for line in openings]
        if not self.known:
            prefixes = [prefix for prefix in first if prefix]
            share = len(prefixes) / max(len(first), 1)
            self._decide(prefixes + [prefix for line in others if (prefix := find_prefix(line))], share, len(first))

    def _decide(self, prefixes: list[Prefix], share: float, cues: int) -> None:
        count = Counter(prefix.name for prefix in prefixes)
        kinds = {prefix.name: prefix.kind for prefix in prefixes}
        recurring = [name for name in kinds if count[name] > 1 and kinds[name] in ("caps", "title")]
        for kind, least in MANY.items():
            names = [name for name in kinds if kinds[name] == kind]
            most = max((count[name] for name in names), default=0)
            is_common = share >= least
            if kind == "caps":
                is_common = is_common or len(names) > 1 or most > 1
            elif kind == "title":
                is_common = (is_common and (len(names) > 1 or share > 0.5)) or len(recurring) > 1
            elif kind == "other":
                is_common = is_common and len(prefixes) > 1
            else:  # [Ross] looks like [Thunder]
                is_common = is_common and (len(names) > 1 or most > 1 or cues == 1)
            often = max(OFTEN * cues, {"title": 2, "other": 3}.get(kind, math.inf))
            self.names.update(name for name in names if is_common or count[name] >= often)

    def split_name(self, line: str) -> tuple[str, str]:
        """The speaker that a line names, empty where it names none, and the words behind the name."""
        prefix = find_prefix(line)
        if prefix is None:
            return "", line
        if prefix.kind == "label" or prefix.name in self.names or prefix.name.casefold() in self.known:
            return prefix.name, line[prefix.end :]
        return "", line
