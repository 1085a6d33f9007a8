"""Label sets: the emotions of a corpus in a fixed order, its continuous dimensions, and the colours of the emotions."""

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
class Dimension:
    """A continuous dimension, such as valence, and the distribution of its values in training.

    A network predicts it in units of `deviation` from `mean`, whatever the scale of the corpus is. `low` and `high` are the
    smallest and the largest value.

    >>> valence = Dimension("valence", mean=3.0, deviation=0.5, low=1.0, high=5.0)
    >>> valence.standardise(4.0), valence.restore(2.0), valence.restore(99.0)
    (2.0, 4.0, 5.0)
    """

    name: str
    mean: float
    deviation: float
    low: float
    high: float

    def standardise(self, value: float) -> float:
        """A value of the corpus as a network predicts it."""
        return (value - self.mean) / self.deviation

    def restore(self, output: float) -> float:
        """What a network predicts, on the scale of the corpus and not outside of its range."""
        return min(max(self.mean + self.deviation * output, self.low), self.high)


@dataclass(frozen=True)
class LabelSet:
    """An ordered set of emotion names, and the continuous dimensions of the corpus. The index of a label is its position in `names`.

    A network has an output for each name, and after these one for each dimension.

    >>> SEVEN.index("Happy")
    3
    >>> SEVEN.names[3]
    'joy'
    """

    names: tuple[str, ...]
    dimensions: tuple[Dimension, ...] = ()

    @property
    def num_outputs(self) -> int:
        """Outputs of a network: emotions and dimensions."""
        return len(self.names) + len(self.dimensions)

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
