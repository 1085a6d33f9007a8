"""Fusion: stage 2, any number of modalities."""

from collections.abc import Mapping

from mmerc.fusion.alternatives import (
    AttentionPooling,
    CrossmodalConcatenation,
    EarlyConcatenation,
    EmbraceNet,
    LateAveraging,
    LateStacking,
    LowRank,
)
from mmerc.fusion.comparators import CTNet, InterModality, MulT, MultiLevel
from mmerc.fusion.fusion import Fused, Fusion, FusionConfig
from mmerc.fusion.model import CrossmodalEmbraceNet

__all__ = ["FUSIONS", "CrossmodalEmbraceNet", "Fused", "Fusion", "FusionConfig", "build"]

FUSIONS: dict[str, type[Fusion]] = {
    "crossmodal_embracenet": CrossmodalEmbraceNet,
    "embracenet": EmbraceNet,
    "crossmodal_concatenation": CrossmodalConcatenation,
    "early_concatenation": EarlyConcatenation,
    "late_averaging": LateAveraging,
    "late_stacking": LateStacking,
    "attention_pooling": AttentionPooling,
    "mult": MulT,
    "low_rank": LowRank,
    "inter_modality": InterModality,
    "multi_level": MultiLevel,
    "ctnet": CTNet,
}


def build(config: FusionConfig, inputs: Mapping[str, int], classes: int) -> Fusion:
    """The fusion that `config` names. `inputs`: the width of each modality's sequence."""
    return FUSIONS[config.name](config, inputs, classes)
