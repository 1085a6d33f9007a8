"""Reading a run folder: its configuration, its corpus, and where the parts of each seed are."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from mmerc.config import Settings
from mmerc.errors import RunError, quote
from mmerc.training.run_config import RunConfig, check_config

CONFIG, ENVIRONMENT = "config.yaml", "environment.json"
CORPUS, SEEDS = "corpus", "seeds"  # keys of config.yaml that are not settings


@dataclass(frozen=True)
class Run:
    """A run folder that was opened: its configuration, the location of its corpus, and its number of seeds."""

    folder: Path
    config: RunConfig
    location: str
    seeds: int

    @property
    def seed_folders(self) -> list[Path]:
        """The folder of each seed."""
        return list_seed_folders(self.folder, self.seeds)


def read_run(folder: Path) -> Run:
    """Open a run folder.

    Raises:
        RunError: the folder is no run, or is damaged.
        ConfigError: its configuration is not valid in this version of mmerc.
    """
    settings = read_run_settings(folder)
    location, seeds = settings.pop(CORPUS, ""), settings.pop(SEEDS, 1)
    if not isinstance(seeds, int) or seeds < 1:
        raise RunError(f"{folder / CONFIG} has {SEEDS} {quote(seeds)}, which is no count: the folder is damaged.")
    return Run(folder, check_config(settings), str(location), seeds)


def read_run_settings(folder: Path, name: str = CONFIG) -> Settings:
    """The settings in the file `name` of a run folder.

    Raises:
        RunError: the folder is no run, or the file cannot be read.
    """
    file = folder / name
    if not file.is_file():
        raise RunError(f"{folder} is not a run folder (it has no {CONFIG}): give the --out of `mmerc train`.")
    try:
        settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise RunError(f"{file} cannot be read ({error}): delete the folder and train again.") from error
    if not isinstance(settings, dict):
        raise RunError(f"{file} holds no settings: delete the folder and train again.")
    return settings


def list_seed_folders(folder: Path, seeds: int) -> list[Path]:
    """The folder of each seed: the run folder itself for one seed, else RUN/seed-0, RUN/seed-1, ..."""
    return [folder] if seeds == 1 else [folder / f"seed-{number}" for number in range(seeds)]
