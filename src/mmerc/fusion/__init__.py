"""Fusion: stage 2, any number of modalities."""

from collections.abc import Mapping

from mmerc.errors import ConfigError
from mmerc.fusion.base import Fusion, FusionConfig, FusionOutput
from mmerc.fusion.baselines import (
    AttentionPooling,
    CrossmodalConcatenation,
    EarlyConcatenation,
    EmbraceNet,
    LateAveraging,
    LateStacking,
    LowRank,
)
from mmerc.fusion.crossmodal_embracenet import CrossmodalEmbraceNet
from mmerc.fusion.published import CTNet, InterModality, MulT, MultiLevel

__all__ = ["FUSIONS", "CrossmodalEmbraceNet", "Fusion", "FusionConfig", "FusionOutput", "asked", "build_fusion"]

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


def build_fusion(config: FusionConfig, inputs: Mapping[str, int], classes: int) -> Fusion:
    """The fusion that `config` names. `inputs`: the width of each modality's sequence."""
    return FUSIONS[config.name](config, inputs, classes)


def asked(names: str) -> list[str]:
    """The fusions of a list with commas; `all` is every one.

    >>> asked("mult, low_rank"), len(asked("all"))
    (['mult', 'low_rank'], 12)

    Raises:
        ConfigError: there is none of that name.
    """
    found = [name.strip() for name in names.split(",") if name.strip()]
    if found == ["all"]:
        return list(FUSIONS)
    unknown = [name for name in found if name not in FUSIONS]
    if unknown:
        raise ConfigError(f'there is no fusion "{unknown[0]}": write all, or some of {", ".join(FUSIONS)}.')
    return found
