"""The paper's fusion: crossmodal attention, pooling, docking, embracement, classifier (Section 4.2).

It takes any set of modalities, any of which may be missing in any utterance.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from mmerc.config import Protocol
from mmerc.fusion.base import Fusion, FusionConfig, FusionInput
from mmerc.fusion.layers.crossmodal import CrossmodalAttention
from mmerc.fusion.layers.embracement import Embracement
from mmerc.fusion.layers.modality_dict import ModalityDict
from mmerc.fusion.layers.pooling import Pooling


class CrossmodalFusion(Fusion):
    """Base of the fusions with crossmodal attention, in which each modality reads all others."""

    has_crossmodal_attention: ClassVar[bool] = True

    def __init__(
        self, config: FusionConfig, widths: Mapping[str, int], num_classes: int, *, protocol: Protocol = "offline"
    ) -> None:
        super().__init__(config, widths, num_classes, protocol=protocol)
        self.crossmodal = CrossmodalAttention(
            self.widths,
            config.d_model,
            num_layers=config.num_layers,
            num_heads=config.num_heads,
            dropout=config.dropout,
        )
        self.pooling = ModalityDict({name: Pooling(config.pooling, config.d_model) for name in self.modalities})

    def pool_crossmodal(self, batch: FusionInput) -> dict[str, Float[Tensor, "B d"]]:
        """Compute each target's crossmodal sequence, pooled over time."""
        sequences = self.crossmodal(batch.sequences, batch.masks, batch.blocked_pairs)  # [B, T, d] each
        return {name: self.pooling[name](sequences[name], mask) for name, mask in batch.masks.items()}


def make_embracement(modalities: Iterable[str], config: FusionConfig) -> Embracement:
    """The embracement of vectors of d_model, one per modality."""
    return Embracement(
        dict.fromkeys(modalities, config.d_model),
        config.fused_size,
        samples_in_eval=config.embracement == "sample",
    )


class CrossmodalEmbraceNet(CrossmodalFusion):
    """Crossmodal attention, then EmbraceNet."""

    def __init__(
        self, config: FusionConfig, widths: Mapping[str, int], num_classes: int, *, protocol: Protocol = "offline"
    ) -> None:
        super().__init__(config, widths, num_classes, protocol=protocol)
        self.embracement = make_embracement(self.modalities, config)

    def fuse(self, batch: FusionInput) -> Float[Tensor, "B c"]:
        fused: Tensor = self.embracement(self.pool_crossmodal(batch), batch.p)
        return fused
