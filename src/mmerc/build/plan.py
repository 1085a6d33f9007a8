"""Which corpora train which network of a build."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmerc.corpora import Corpus, open_corpus
from mmerc.corpora.download import find_corpora
from mmerc.errors import CorpusError

# For each network the kinds of corpora that it can be trained on, together where `JOINED` says so, else on the first that there is.
KINDS = {
    "text": ("meld", "goemotions"),
    "audio": ("ravdess", "emodb", "cremad", "tess", "savee", "iemocap"),
    "face": ("fer2013",),
}
JOINED = ("audio",)


@dataclass(frozen=True)
class Plan:
    """For each network the locations of the corpora that train it, by kind."""

    parts: Mapping[str, Mapping[str, str]]

    @property
    def locations(self) -> dict[str, str]:
        """The location of each network's corpora together."""
        return {name: "+".join(by_kind.values()) for name, by_kind in self.parts.items()}

    def list_left_out(self, name: str) -> dict[str, tuple[str, str]]:
        """For each of several corpora of a network: the location of the others together, and its own."""
        by_kind = self.parts[name]
        if len(by_kind) < 2:
            return {}
        return {
            kind: ("+".join(other for each, other in by_kind.items() if each != kind), location)
            for kind, location in by_kind.items()
        }

    def open(self) -> dict[str, dict[str, Corpus]]:
        """The corpora of each network, by kind."""
        return {
            name: {kind: open_corpus(location) for kind, location in by_kind.items()}
            for name, by_kind in self.parts.items()
        }

    def describe(self) -> list[str]:
        """A sentence for each network."""
        lines = [f"{name}: {', '.join(by_kind)}" for name, by_kind in self.parts.items()]
        return lines + [
            f"{name}: none of {', '.join(kinds)} is there, so the model will not read it"
            for name, kinds in KINDS.items()
            if name not in self.parts
        ]


def make_plan(folder: Path) -> Plan:
    """The plan for the corpora in a folder.

    Raises:
        CorpusError: there is no folder, or no corpus in it that a network can be trained on.
    """
    if not folder.is_dir():
        raise CorpusError(f"{folder} is not a folder: give the folder that holds meld, ravdess, fer2013 and others.")
    found = find_corpora(folder)
    parts = {}
    for name, kinds in KINDS.items():
        usable = [kind for kind in kinds if kind in found]
        if usable:
            parts[name] = {kind: found[kind] for kind in (usable if name in JOINED else usable[:1])}
    if not parts:
        known = ", ".join(kind for kinds in KINDS.values() for kind in kinds)
        raise CorpusError(
            f"{folder} has none of the folders {known}: get them with `mmerc corpus fetch NAME --to {folder}`."
        )
    return Plan(parts)
