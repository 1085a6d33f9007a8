"""Experiment trackers, as Lightning names them: CSV files, TensorBoard, Weights & Biases, MLflow. All write local files by default."""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mmerc.errors import ConfigError

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger

LoggerName = Literal["none", "csv", "tensorboard", "wandb", "mlflow"]
PACKAGES: Mapping[str, str] = {"tensorboard": "tensorboard", "wandb": "wandb", "mlflow": "mlflow"}
FOLDER = "logs"  # in the run folder


def check_logger(name: LoggerName) -> None:
    """Check that the package of a tracker is installed. Raises ConfigError."""
    package = PACKAGES.get(name)
    if package is not None and find_spec(package) is None:
        raise ConfigError(
            f"trainer.logger={name} needs the package {package}: run `pip install {package}`, or set it to csv or none."
        )


def open_logger(name: LoggerName, run: Path) -> "Logger":
    """A tracker that writes into `run/logs/NAME`; a new version of its records for each call.

    The environment variables of the trackers themselves decide about the network: `WANDB_MODE=online`, and `MLFLOW_TRACKING_URI`.

    Raises:
        ConfigError: its package is not installed, or `name` is none.
    """
    check_logger(name)
    folder, project = run / FOLDER / name, run.resolve().name
    folder.mkdir(parents=True, exist_ok=True)
    if name == "csv":
        from lightning.pytorch.loggers import CSVLogger

        return CSVLogger(folder.parent, name=name)
    if name == "tensorboard":
        from lightning.pytorch.loggers import TensorBoardLogger

        return TensorBoardLogger(folder.parent, name=name, default_hp_metric=False)
    if name == "wandb":
        from lightning.pytorch.loggers import WandbLogger

        is_offline = os.environ.get("WANDB_MODE", "offline") == "offline"
        return WandbLogger(name=project, project="mmerc", save_dir=folder, offline=is_offline)
    if name == "mlflow":
        from lightning.pytorch.loggers import MLFlowLogger

        address = os.environ.get("MLFLOW_TRACKING_URI") or folder.resolve().as_uri()
        return MLFlowLogger(experiment_name="mmerc", run_name=project, tracking_uri=address)
    raise ConfigError("trainer.logger is none: set it to csv, tensorboard, wandb or mlflow.")
