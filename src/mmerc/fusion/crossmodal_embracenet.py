"""The paper's fusion: crossmodal attention, pooling, docking, embracement, classifier (Section 4.2).

It takes any set of modality names, any of which may be missing for any utterance, and knows none of them.
"""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn

from mmerc.fusion.base import Fusion, FusionConfig, Masks, Pooling, Sequences
from mmerc.fusion.layers.crossmodal import CrossmodalAttention
from mmerc.fusion.layers.embracement import Docking


class Crossmodal(Fusion):
    """Base of those in which each modality asks all others."""

    def __init__(self, config: FusionConfig, inputs: Mapping[str, int], classes: int) -> None:
        super().__init__(config, inputs, classes)
        self.crossmodal = CrossmodalAttention(
            self.inputs,
            config.width,
            layers=config.layers,
            heads=config.heads,
            dropout=config.dropout,
            gated=config.gated,
        )
        self.pooling = nn.ModuleDict({name: Pooling(config.pooling, config.width) for name in self.inputs})

    def enriched(self, sequences: Sequences, masks: Masks) -> dict[str, Float[Tensor, "B d"]]:
        """Each target's answers, pooled over time."""
        answers = self.crossmodal(sequences, masks)
        return {name: self.pooling[name](answers[name], mask) for name, mask in masks.items()}


class CrossmodalEmbraceNet(Crossmodal):
    """Each modality asks all others; the answers dock and are embraced."""

    def __init__(self, config: FusionConfig, inputs: Mapping[str, int], classes: int) -> None:
        super().__init__(config, inputs, classes)
        self.docking = Docking(dict.fromkeys(self.inputs, config.width), config.size)

    def fused(self, sequences: Sequences, masks: Masks, p: Float[Tensor, "M B"]) -> Float[Tensor, "B c"]:
        return self.embraced(self.docking(self.enriched(sequences, masks)), p)
