"""Which prefixes of a file are speakers: those that recur, or all of them where the file is of that kind."""

import math
from collections import Counter
from collections.abc import Iterable

from mmerc.corpora.transcripts.names import Prefix

MIN_NAME_SHARE = 0.1  # share of the cues that one name must begin, if no other name recurs
MIN_PREFIX_SHARE = {
    "caps": 0.3,
    "title": 0.4,
    "other": 0.8,
    "bracket": 0.5,
}  # share of cues with a prefix that makes the file of that kind


class Speakers:
    """The names that count as speakers in one file.

    openings: the prefix of each cue's first line, `None` where it has none. others: those of further lines, and behind dashes and
    chevrons. after_chevrons: those after ">>", which marks a new speaker. known: names that the file's format gives.
    """

    def __init__(
        self, openings: list[Prefix | None], others: list[Prefix], after_chevrons: list[Prefix], known: Iterable[str]
    ) -> None:
        self.known = {name.casefold() for name in known}
        self.names = {prefix.name for prefix in after_chevrons if prefix.kind != "bracket"}
        if not self.known:
            prefixes = [prefix for prefix in openings if prefix]
            self._decide(prefixes + others, len(prefixes) / max(len(openings), 1), len(openings))

    def _decide(self, prefixes: list[Prefix], share: float, cues: int) -> None:
        count = Counter(prefix.name for prefix in prefixes)
        kinds = {prefix.name: prefix.kind for prefix in prefixes}
        recurring = [name for name in kinds if count[name] > 1 and kinds[name] in ("caps", "title")]
        for kind, least in MIN_PREFIX_SHARE.items():
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
            often = max(MIN_NAME_SHARE * cues, {"title": 2, "other": 3}.get(kind, math.inf))
            self.names.update(name for name in names if is_common or count[name] >= often)

    def is_speaker(self, prefix: Prefix) -> bool:
        """Whether a prefix names a speaker."""
        return prefix.kind == "label" or prefix.name in self.names or prefix.name.casefold() in self.known
