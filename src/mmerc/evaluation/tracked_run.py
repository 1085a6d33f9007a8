"""A finished run in an experiment tracker: settings, learning curves of each stage, results, confusion matrices, the report."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mmerc.config.schema import MAJORITY
from mmerc.evaluation.figures import plot_confusions
from mmerc.evaluation.metrics import MAIN_METRICS
from mmerc.evaluation.run_metrics import METRICS
from mmerc.files import read_json, read_json_value
from mmerc.training.run_folder import Run, read_run
from mmerc.training.tracking import LoggerName, open_logger

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger

REPORT = "report.html"


def track_run(run_folder: str | Path, name: LoggerName) -> Path | None:
    """Write a finished run into the tracker `name`, and return the folder of its local records, if it has one.

    A step is an epoch. Metrics are called `STAGE/METRIC` and `SPLIT/SYSTEM/METRIC`, with `seed-N/` in front where there are several
    seeds; `mmerc report` writes the report and the metrics before.

    Raises:
        ConfigError: the package of the tracker is not installed.
        RunError: the folder is no finished run.
    """
    run = read_run(Path(run_folder))
    logger = open_logger(name, run.folder)
    logger.log_hyperparams(run.config.to_settings())
    last = 0
    for step, values in _list_curves(run):
        logger.log_metrics(values, step)
        last = max(last, step)
    results = read_json(run.folder / METRICS)
    measured: dict[str, float] = {}
    for split, result in results.items():
        for system, found in result["systems"].items():
            measured |= {f"{split}/{system}/{key}": found["mean"][key] for key in MAIN_METRICS}
            if system != MAJORITY:
                png = plot_confusions(found["confusion"], result["labels"])
                _log_picture(logger, name, f"confusion-{split}-{system}", png, last)
    logger.log_metrics(measured, last)
    for file in (run.folder / REPORT, run.folder / METRICS):
        if file.is_file():
            _log_file(logger, name, file)
    logger.save()
    logger.finalize("success")
    return Path(logger.log_dir) if logger.log_dir else None


def _list_curves(run: Run) -> Iterator[tuple[int, dict[str, float]]]:
    """The metrics of each epoch, those of all stages and seeds together, in the order of epochs."""
    by_epoch: dict[int, dict[str, float]] = {}
    for number, folder in enumerate(run.seed_folders):
        prefix = f"seed-{number}/" if run.seeds > 1 else ""
        stages = {modality: folder / "encoders" / modality for modality in run.config.modalities}
        for stage, part in {**stages, "fusion": folder / "fusion"}.items():
            for entry in read_json_value(part / "history.json") if (part / "history.json").is_file() else ():
                values = {f"{prefix}{stage}/{key}": value for key, value in entry.items() if key != "epoch"}
                by_epoch.setdefault(int(entry["epoch"]), {}).update(values)
    return iter(sorted(by_epoch.items()))


def _log_picture(logger: "Logger", name: LoggerName, title: str, png: bytes, step: int) -> None:
    experiment: Any = logger.experiment  # type: ignore[attr-defined]
    if name == "csv":
        (Path(str(logger.log_dir)) / f"{title}.png").write_bytes(png)
        return
    image = Image.open(io.BytesIO(png)).convert("RGB")
    if name == "tensorboard":
        experiment.add_image(title, np.asarray(image), step, dataformats="HWC")
    elif name == "wandb":
        import wandb

        experiment.log({title: wandb.Image(image)})
    else:
        experiment.log_image(logger.version, image, f"{title}.png")


def _log_file(logger: "Logger", name: LoggerName, file: Path) -> None:
    experiment: Any = logger.experiment  # type: ignore[attr-defined]
    if name == "wandb":
        import wandb

        artifact = wandb.Artifact(file.stem, type="report")
        artifact.add_file(str(file))
        experiment.log_artifact(artifact)
    elif name == "mlflow":
        experiment.log_artifact(logger.version, str(file))
    else:
        shutil.copy(file, str(logger.log_dir))
