"""Training: a corpus and a configuration in, a run folder out."""

from mmerc.training.run import train
from mmerc.training.run_config import RunConfig, load_config

__all__ = ["RunConfig", "load_config", "train"]
