"""Fusion: stage 2, any number of modalities."""

from mmerc.fusion.model import CrossmodalEmbraceNet, Fused, FusionConfig

__all__ = ["CrossmodalEmbraceNet", "Fused", "FusionConfig"]
