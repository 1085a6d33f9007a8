"""Label sets: the emotions of a corpus in a fixed order, and the colours in which they are drawn."""

from dataclasses import dataclass

from mmerc.errors import CorpusError

# The palette of Okabe and Ito (2008), which people with colour vision deficiencies can tell apart.
PALETTE = ("#D55E00", "#009E73", "#CC79A7", "#F0E442", "#999999", "#0072B2", "#56B4E9", "#E69F00")

# Names that other corpora use for MELD's seven emotions.
ALIASES = {
    "angry": "anger",
    "disgusted": "disgust",
    "fearful": "fear",
    "happy": "joy",
    "happiness": "joy",
    "joyful": "joy",
    "calm": "neutral",
    "sad": "sadness",
    "surprised": "surprise",
}


@dataclass(frozen=True)
class LabelSet:
    """An ordered set of emotion names. The index of a label is its position in `names`.

    >>> SEVEN.index("Happy")
    3
    >>> SEVEN.names[3]
    'joy'
    """

    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, label: str) -> bool:
        """Whether `normalise` finds a name for the label."""
        return self._find(label) is not None

    def normalise(self, label: str) -> str:
        """The name in this set for `label`: the label itself in lower case, or the name of which it is an alias.

        Raises:
            CorpusError: no name or alias matches.
        """
        found = self._find(label)
        if found is None:
            raise CorpusError(f'"{label}" is not one of the emotions {", ".join(self.names)}: correct the label.')
        return found

    def _find(self, label: str) -> str | None:
        lower = label.strip().lower()
        return next((name for name in (lower, ALIASES.get(lower, lower)) if name in self.names), None)

    def index(self, label: str) -> int:
        """The index of a label.

        Raises:
            CorpusError: no name or alias matches.
        """
        return self.names.index(self.normalise(label))

    def colours(self) -> dict[str, str]:
        """A colour for each name, as #RRGGBB. Colours repeat from the ninth name on."""
        return {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(self.names)}


SEVEN = LabelSet(("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"))

# Utterances of each emotion in the training split of MELD (Poria et al. 2019): how often people in a comedy express what.
MELD_PRIOR = {
    "anger": 1109,
    "disgust": 271,
    "fear": 268,
    "joy": 1743,
    "neutral": 4710,
    "sadness": 683,
    "surprise": 1205,
}
