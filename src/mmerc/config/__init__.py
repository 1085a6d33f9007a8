"""Configuration: sections with checked values, presets, files and overrides."""

from mmerc.config.load import PRESETS, apply_overrides, read_settings
from mmerc.config.schema import Backend, FaceChoice, Protocol, Section, Settings, TrainingConfig, validate

__all__ = [
    "PRESETS",
    "Backend",
    "FaceChoice",
    "Protocol",
    "Section",
    "Settings",
    "TrainingConfig",
    "apply_overrides",
    "read_settings",
    "validate",
]
