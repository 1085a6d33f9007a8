"""From the options of a command to the configuration of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmerc.errors import ConfigError

if TYPE_CHECKING:
    from mmerc.corpora import Corpus
    from mmerc.training.run_config import RunConfig


def check_exclusive(preset: str | None, config: Path | None) -> None:
    """Raises ConfigError: a preset and a file are given."""
    if preset and config:
        raise ConfigError("--preset and --config exclude each other: give one of them.")


def load_run_config(
    corpus: "Corpus",
    preset: str | None,
    config: Path | None,
    overrides: Sequence[str] | None,
    modalities: str | None,
) -> "RunConfig":
    """The configuration for a corpus. `modalities`: names with commas; None for those of the preset that the corpus has."""
    from mmerc.training.run_config import load_config

    names = [name.strip() for name in modalities.split(",")] if modalities is not None else None
    return load_config(preset, config, list(overrides or []), modalities=names, corpus=corpus)
