"""Label sets: which emotions a corpus knows, in a fixed order, and the colours they are drawn in."""

from dataclasses import dataclass

from mmerc.errors import CorpusError

# Okabe and Ito's palette: distinguishable with every common colour blindness.
PALETTE = ("#D55E00", "#009E73", "#CC79A7", "#F0E442", "#999999", "#0072B2", "#56B4E9", "#E69F00")

# What other corpora call MELD's seven.
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
    """An ordered set of emotion names; a label's index is its place in `names`.

    >>> SEVEN.index("Happy")
    3
    >>> SEVEN.names[3]
    'joy'
    """

    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def normalise(self, label: str) -> str:
        """The name in this set that `label` stands for.

        Raises:
            CorpusError: no name or alias matches.
        """
        plain = label.strip().lower()
        for candidate in (plain, ALIASES.get(plain, plain)):
            if candidate in self.names:
                return candidate
        raise CorpusError(f'"{label}" is not one of the emotions {", ".join(self.names)}: correct the label.')

    def index(self, label: str) -> int:
        return self.names.index(self.normalise(label))

    def colours(self) -> dict[str, str]:
        return {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(self.names)}


SEVEN = LabelSet(("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"))
