"""Fusion (stage 2): the features of any number of modalities -> an emotion."""

import difflib
from collections.abc import Mapping

from mmerc.config import Protocol
from mmerc.errors import ConfigError
from mmerc.fusion.base import Fusion, FusionConfig, FusionInput, FusionOutput
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

__all__ = [
    "FUSIONS",
    "CrossmodalEmbraceNet",
    "Fusion",
    "FusionConfig",
    "FusionInput",
    "FusionOutput",
    "build_fusion",
    "check_fusion_config",
    "parse_fusion_names",
]

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


def build_fusion(
    config: FusionConfig,
    widths: Mapping[str, int],
    num_classes: int,
    *,
    num_dimensions: int = 0,
    protocol: Protocol = "offline",
) -> Fusion:
    """Build the fusion that `config` names, randomly initialised.

    Args:
        config: its settings.
        widths: the width of each modality's sequence.
        num_classes: number of outputs: of the emotions, and after these of the continuous dimensions.
        num_dimensions: number of continuous dimensions.
        protocol: with "online", the dialogue context reads no later utterance.

    Raises:
        ConfigError: as `check_fusion_config`.
    """
    check_fusion_config(config)
    network = FUSIONS[config.name](config, widths, num_classes, protocol=protocol)
    network.num_dimensions = num_dimensions
    return network


def check_fusion_config(config: FusionConfig) -> None:
    """Check what depends on the kind of fusion.

    Raises:
        ConfigError: the name is unknown, or the fusion cannot read the dialogue with these settings.
    """
    _check_name(config.name)
    kind = FUSIONS[config.name]
    if not (kind.reads_dialogue or config.dialogue_context):
        return
    if not kind.has_fused_vector:
        raise ConfigError(
            f"fusion.dialogue_context needs a fusion with a fused vector, and {config.name} has none: "
            "set it to false, or choose another fusion.name."
        )
    if config.fused_size % 2 or config.fused_size % config.num_heads:
        raise ConfigError(
            f"fusion.fused_size is {config.fused_size}: a fusion that reads the dialogue needs an even number that "
            f"fusion.num_heads ({config.num_heads}) divides."
        )


def parse_fusion_names(names: str) -> list[str]:
    """Split a comma-separated list of fusions; "all" means every fusion.

    >>> parse_fusion_names("mult, low_rank"), parse_fusion_names("all") == list(FUSIONS)
    (['mult', 'low_rank'], True)

    Raises:
        ConfigError: a name is unknown.
    """
    parsed = [name.strip() for name in names.split(",") if name.strip()]
    if parsed == ["all"]:
        return list(FUSIONS)
    for name in parsed:
        _check_name(name)
    return parsed


def _check_name(name: str) -> None:
    if name not in FUSIONS:
        near = difflib.get_close_matches(name, FUSIONS, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"choose one of {', '.join(FUSIONS)}."
        raise ConfigError(f'there is no fusion "{name}": {hint}')
