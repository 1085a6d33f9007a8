"""A small fusion of three modalities, and a batch for it."""

from typing import Any

import torch

from mmerc.config import Protocol
from mmerc.fusion import Fusion, FusionConfig, build_fusion

WIDTHS = {"voice": 3, "words": 5, "heart": 2}


def make_fusion(
    name: str, widths: dict[str, int] | None = None, *, protocol: Protocol = "offline", **settings: Any
) -> Fusion:
    """An untrained fusion with 7 emotions, in evaluation mode; the same weights every time."""
    torch.manual_seed(0)
    config = FusionConfig(name=name, **{"d_model": 8, "num_heads": 2, "fused_size": 16, **settings})
    return build_fusion(config, widths or WIDTHS, 7, protocol=protocol).eval()


def make_batch(size: int = 8) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Sequences of up to 5 steps and their masks; utterances 1 to 6 lack one or two of the three modalities."""
    generator = torch.Generator().manual_seed(0)
    sequences = {name: torch.randn(size, 5, width, generator=generator) for name, width in WIDTHS.items()}
    masks = {name: torch.arange(5)[None] < torch.randint(1, 6, (size, 1), generator=generator) for name in WIDTHS}
    for index, name in enumerate(WIDTHS):
        masks[name][1 + index] = False
        masks[name][[4 + (index + 1) % 3, 4 + (index + 2) % 3]] = False
    return sequences, masks
