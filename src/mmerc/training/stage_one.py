"""Stage 1 from a trained model in place of training: the settings `encoders` and `features` of a run."""

import shutil
from pathlib import Path

from mmerc.addresses import make_path
from mmerc.corpora import Corpus
from mmerc.errors import ConfigError, RunError
from mmerc.features.store import FeatureStore
from mmerc.files import read_json, replace_atomically
from mmerc.hardware import is_main_process
from mmerc.model.folder import CONFIG, hash_model, read_dimensions, read_info
from mmerc.model.hub import find_model_folder
from mmerc.training import distributed
from mmerc.training.run_config import RunConfig

ENCODERS, FEATURES = "encoders", "features"  # folders of a run
DESCRIPTION = "extraction.json"  # of a store that `mmerc extract` wrote


def copy_encoders(config: RunConfig, corpus: Corpus, folder: Path) -> None:
    """Copy the encoders of the model `config.encoders` into `folder/encoders`, where they are not there yet.

    Raises:
        ConfigError: `features` is given without `encoders`, or the model lacks a modality or has other labels than the corpus.
        RunError, WeightsError: the model cannot be read, or the features are not those of this model.
    """
    if config.encoders is None:
        if config.features is not None:
            raise ConfigError("features are given without their encoders: set encoders to the model that made them.")
        return
    source = find_model_folder(config.encoders)
    info = read_info(source)
    dimensions = [each.name for each in read_dimensions(info, source / CONFIG)]
    if [info["labels"], dimensions] != [list(corpus.labels.names), [each.name for each in corpus.labels.dimensions]]:
        raise ConfigError(
            f"{config.encoders} predicts {', '.join([*info['labels'], *dimensions])}, and {corpus.name} has other labels: "
            "train the encoders on it."
        )
    for modality in config.modalities:
        if modality not in info["modalities"]:
            known = ",".join(info["modalities"])
            raise ConfigError(f"{config.encoders} has no modality {modality}: add --modalities {known}.")
    if config.features is not None:
        _check_store(config, source)
    for modality in config.modalities if is_main_process() else ():
        if not (folder / ENCODERS / modality).is_dir():
            with replace_atomically(folder / ENCODERS / modality) as temporary:
                shutil.copytree(source / ENCODERS / modality, temporary)
    distributed.barrier()


def _check_store(config: RunConfig, model: Path) -> None:
    described = read_json(make_path(str(config.features)) / DESCRIPTION)
    if described.get("model") != hash_model(model):
        raise RunError(
            f"{config.features} has the features of another model than {config.encoders}: run `mmerc extract` with this one."
        )


def open_features(config: RunConfig, folder: Path, modality: str) -> FeatureStore:
    """The features of a seed: those of the store `config.features`, or those that the run has computed.

    Raises:
        RunError: the store is damaged or cannot be read.
    """
    given = make_path(config.features) if config.features is not None else folder / FEATURES
    return FeatureStore(given / modality)
