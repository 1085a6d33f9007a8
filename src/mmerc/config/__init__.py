"""Configuration: sections with checked values, presets, files and overrides."""

from mmerc.config.load import PRESETS, apply, load, overridden
from mmerc.config.schema import Protocol, Section, Settings, StageConfig, validate

__all__ = ["PRESETS", "Protocol", "Section", "Settings", "StageConfig", "apply", "load", "overridden", "validate"]
