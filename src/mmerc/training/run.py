"""The main job: inputs, stage 1 for each modality, features, stage 2, predictions and the model folder, for each seed.

Every part is one folder that appears when it is complete. A part that is there is not made again.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from sklearn.metrics import f1_score

from mmerc.corpora import Corpus
from mmerc.corpora.dialogue import HELD_OUT
from mmerc.encoders import Encoder
from mmerc.errors import ConfigError, MmercError, RunError
from mmerc.features.store import FeatureStore
from mmerc.features.writer import is_sorted
from mmerc.files import read_json, remove_temporary, replace_atomically
from mmerc.fusion import Fusion
from mmerc.hardware import is_main_process, keep_memory
from mmerc.model.calibration import Calibration
from mmerc.model.folder import name_model, write_model
from mmerc.progress import EventLog, log, show_log, show_progress
from mmerc.threads import set_num_threads
from mmerc.training import distributed
from mmerc.training.encoder import create_encoder, train_encoder
from mmerc.training.extraction import extract_features, open_inputs
from mmerc.training.fusion import config_for_fusion, train_compared_fusion, train_fusion
from mmerc.training.predictions import compute_prior, fit_calibrations, fit_conformal, write_predictions
from mmerc.training.run_config import RunConfig, load_config
from mmerc.training.run_folder import list_seed_folders
from mmerc.training.run_lock import INPUTS, lock_run, open_run, release_folder
from mmerc.training.splits import (
    add_selection_split,
    choose_utterances,
    get_labels,
    get_selection_split,
    get_speakers,
    list_dialogue_keys,
)
from mmerc.training.stage_one import copy_encoders, open_features
from mmerc.training.task import check_not_empty
from mmerc.training.tracking import check_logger

PREDICTED_SPLITS = (HELD_OUT, "dev", "test")
OnEvent = Callable[[dict[str, Any]], None]


def ignore_event(event: dict[str, Any]) -> None:
    """What is called with each event by default."""


def train(
    corpus: Corpus,
    out: str | Path,
    config: RunConfig | None = None,
    *,
    seeds: int = 1,
    fusions: Sequence[str] = (),
    shared_inputs: Path | None = None,
    on_finish: Callable[[Corpus], object] = lambda corpus: None,
    on_event: OnEvent = ignore_event,
) -> None:
    """Train on a corpus into the run folder `out`; a killed run continues with the same call.

    `config`: default `load_config(corpus=corpus)`. `seeds`: number of seeds. `fusions`: names of further fusions that are
    trained with the same settings, to compare them. `shared_inputs`: a folder for the inputs of encoders that do not depend on
    the training split; runs with the same settings share it, and the caller deletes it. `on_finish` is called with the corpus as it was trained on, while no
    other process can write into the folder. `on_event` is called with each event of the log, such as the metrics of an epoch; an exception
    in it ends the run. Processes that `trainer.devices` starts do not call it.

    >>> train(open_corpus("meld:PATH/TO/MELD"), "runs/meld", load_config("compact"), seeds=3)  # doctest: +SKIP

    Raises:
        MmercError: the corpus, the configuration, the weights or the folder cannot be used; the message says how to fix it.
    """
    show_log()
    out = Path(out)
    config = config or load_config(corpus=corpus)
    if config.trainer.accelerator == "gpu" and not torch.accelerator.is_available():
        raise ConfigError("trainer.accelerator is gpu and torch finds none: set it to auto or cpu.")
    check_logger(config.trainer.logger)
    if fusions and len(config.modalities) < 2:
        log.warning("other fusions are ignored: with one modality there is nothing to fuse")
    for name in fusions:
        config_for_fusion(config.fusion, name)  # a wrong setting is reported before hours of training
    corpus = add_selection_split(corpus)
    if not is_main_process():
        _train_seeds(corpus, out, config, seeds, fusions, shared_inputs, on_event)
        return
    with lock_run(out):
        open_run(out, config, corpus, seeds)
        remove_temporary(out)
        if config.trainer.devices > 1 and distributed.get_world_size() == 1:
            arguments = (corpus, out, config, seeds, fusions, shared_inputs)
            distributed.launch(config.trainer.devices, _train_in_process, arguments)
        else:
            _train_seeds(corpus, out, config, seeds, fusions, shared_inputs, on_event)
        on_finish(corpus)


def _train_in_process(
    corpus: Corpus, out: Path, config: RunConfig, seeds: int, fusions: Sequence[str], shared_inputs: Path | None
) -> None:
    """What a process that `distributed.launch` has started does."""
    show_log()
    _train_seeds(corpus, out, config, seeds, fusions, shared_inputs)


def _train_seeds(
    corpus: Corpus,
    out: Path,
    config: RunConfig,
    seeds: int,
    fusions: Sequence[str],
    shared_inputs: Path | None,
    on_event: OnEvent = ignore_event,
) -> None:
    keep_memory()
    set_num_threads(config.trainer.num_threads or None)
    distributed.join()
    folders = list_seed_folders(out, seeds)
    for number, folder in enumerate(folders):
        if seeds > 1:
            log.info("seed %d of %d", number + 1, seeds)
        job = SeedJob(config, corpus, out, folder, config.seed + number, shared_inputs, on_event)
        try:
            copy_encoders(config, corpus, folder)
            if number == 0:
                prepare_all_inputs(job)
        except MmercError:
            if number == 0:
                release_folder(out)
            raise
        train_seed(job, fusions)
    if is_main_process():
        best = max(folders, key=lambda folder: float(read_json(folder / "model" / "config.json")["dev_f1_weighted"]))
        if best != out:
            with replace_atomically(out / "model") as temporary:
                shutil.copytree(best / "model", temporary)
        for used in (INPUTS, "warm"):  # samples and face crops of people are not kept
            shutil.rmtree(out / used, ignore_errors=True)
    distributed.barrier()


@dataclass(frozen=True)
class SeedJob:
    """What the parts of one seed share. `run`: the run folder; `folder`: the folder of this seed; `shared_inputs`: see `train`."""

    config: RunConfig
    corpus: Corpus
    run: Path
    folder: Path
    seed: int
    shared_inputs: Path | None = None
    on_event: OnEvent = ignore_event

    @property
    def events(self) -> EventLog:
        return EventLog(self.run / "log.jsonl", self.on_event)

    @property
    def splits(self) -> list[str]:
        return [split for split in ("train", *PREDICTED_SPLITS) if split in self.corpus.splits]

    def open_inputs(self, modality: str, encoder: Encoder) -> FeatureStore:
        """What the encoder reads of every utterance, prepared once for all seeds."""
        folder = self.shared_inputs if self.shared_inputs and not encoder.adapt_changes_inputs else self.run / INPUTS
        return open_inputs(folder, modality, encoder, self.corpus, self.splits)


def prepare_all_inputs(job: SeedJob) -> None:
    """Prepare what every encoder reads, so that a modality without data is reported before hours of training.

    Raises:
        RunError: no labelled utterance of train or of the selection split has a modality.
    """
    for modality in job.config.modalities:
        if distributed.reduce_any(not (job.folder / "encoders" / modality).is_dir()):
            encoder = create_encoder(modality, job.config, job.corpus, job.seed)
            inputs = job.open_inputs(modality, encoder)
            splits = ("train", get_selection_split(job.corpus))
            train, dev = (choose_utterances(job.corpus, split, [inputs], by_dialogue=False) for split in splits)
            check_not_empty(modality, train.keys, dev.keys)


def train_seed(job: SeedJob, fusions: Sequence[str] = ()) -> None:
    """Make every part of one seed that is not there yet, up to the model folder."""
    config, corpus, folder = job.config, job.corpus, job.folder
    encoders: dict[str, Encoder] = {}
    for modality in config.modalities:
        encoders[modality] = train_encoder(
            modality,
            config,
            corpus,
            partial(job.open_inputs, modality),
            folder / "encoders" / modality,
            run=job.run,
            seed=job.seed,
            events=job.events,
        )
    features = {modality: extract_modality(job, modality, encoder) for modality, encoder in encoders.items()}
    widths = {modality: encoder.width for modality, encoder in encoders.items()}
    prior = compute_prior(corpus)
    fusion = None
    if len(features) > 1:
        fusion = train_fusion(
            features, widths, config, corpus, folder / "fusion", fusion=config.fusion, seed=job.seed, events=job.events
        )
        for name in fusions:
            train_compared_fusion(
                name, features, widths, config, corpus, folder, prior=prior, seed=job.seed, events=job.events
            )
    if is_main_process():
        write_results(job, encoders, features, fusion, prior)


def extract_modality(job: SeedJob, modality: str, encoder: Encoder) -> FeatureStore:
    """The features of every utterance that stage 2 reads."""
    store = open_features(job.config, job.folder, modality)
    keys = [utterance.key for split in job.splits for utterance in job.corpus.utterances(split)]
    if job.config.features is not None:
        if absent := store.list_absent(keys):
            raise RunError(
                f"{store.folder} lacks {len(absent)} of {len(keys)} utterances, such as {' '.join(absent[0])}: extract them, too."
            )
        return store
    if distributed.reduce_any(bool(store.list_absent(keys)) or not is_sorted(store)):
        inputs = job.open_inputs(modality, encoder)
        with show_progress(f"{modality}: features", len(keys)) as report:
            device = distributed.select_device(job.config.trainer.accelerator)
            extract_features(encoder, inputs, store, keys, report, device=device)
    return store


def write_results(
    job: SeedJob,
    encoders: dict[str, Encoder],
    features: dict[str, FeatureStore],
    fusion: Fusion | None,
    prior: list[float],
) -> None:
    """Calibrate, write the predictions of every split but train, and write the model folder."""
    corpus, selection = job.corpus, get_selection_split(job.corpus)
    labels = get_labels(corpus, selection)
    keys, speakers = list_dialogue_keys(labels, corpus, selection), get_speakers(corpus)
    calibrations: dict[str, Calibration] = {}
    if job.config.calibration == "dev":
        calibrations = fit_calibrations(features, fusion, keys, labels, speakers, prior)
    conformal = fit_conformal(features, fusion, keys, labels, speakers, prior, calibrations)
    name = name_model(job.folder, corpus.name)
    predicted = {
        split: write_predictions(
            job.folder / "predictions",
            corpus,
            split,
            features,
            fusion,
            prior=prior,
            calibrations=calibrations,
            model=name,
            conformal=conformal,
        )
        for split in job.splits
        if split in PREDICTED_SPLITS
    }
    found = [predicted[selection][key] for key in labels]
    write_model(
        job.folder,
        corpus,
        encoders,
        fusion,
        protocol=job.config.protocol,
        prior=prior,
        calibrations=calibrations,
        conformal=conformal,
        dev_f1_weighted=float(f1_score(list(labels.values()), found, average="weighted")),
        features=features,
        dev_labels=labels,
    )
