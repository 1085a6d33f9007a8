"""Configuration: sections with checked values, presets, files and overrides."""

from mmerc.config.load import PRESETS, apply_override, apply_overrides, read_settings
from mmerc.config.schema import Protocol, Section, Settings, StageConfig, validate

__all__ = [
    "PRESETS",
    "Protocol",
    "Section",
    "Settings",
    "StageConfig",
    "apply_override",
    "apply_overrides",
    "read_settings",
    "validate",
]
