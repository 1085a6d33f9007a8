"""The whole main job: inputs, stage 1 for each modality, features, stage 2, predictions, the model folder.

Every part is found done or is done; each leaves one folder that appears when it is whole.
"""

import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from sklearn.metrics import f1_score

from mmerc.config import validate
from mmerc.corpora import Corpus, Key, open_corpus
from mmerc.corpora.dialogue import HELD_OUT
from mmerc.encoders import ENCODERS, Encoder
from mmerc.errors import ConfigError, MmercError
from mmerc.features import FeatureStore
from mmerc.files import read_json, replacing, sweep, write_json
from mmerc.fusion import Fusion, FusionConfig, build
from mmerc.hardware import is_main_process, keep_memory
from mmerc.model.calibration import Decision
from mmerc.model.folder import load_fusion, save_fusion, write_model
from mmerc.model.inference import decisions_of, fused_answers, predict_split, prior_of
from mmerc.progress import Journal, bar, show_log
from mmerc.training import distributed
from mmerc.training.batches import CONTEXT, FusionExamples, unpacked
from mmerc.training.extraction import extract_features, inputs_in
from mmerc.training.loop import Task, best_score, fit, refuse_empty
from mmerc.training.run_config import RunConfig
from mmerc.training.run_folder import seed_folders
from mmerc.training.run_lock import INPUTS, alone_in, give_up, open_run
from mmerc.training.selection import (
    encoder_examples,
    labels_of,
    labels_with,
    read_with,
    selection_of,
    trainable,
)
from mmerc.training.warm_start import WarmStart

log = logging.getLogger("mmerc")
FUSIONS_BESIDE = "fusions"  # where those trained for comparison lie
DECISION_FILE = "decision.json"  # what marks one of them done
PREDICTED = (HELD_OUT, "dev", "test")


def train(
    location: str,
    out: Path,
    config: RunConfig,
    seeds: int = 1,
    fusions: Sequence[str] = (),
    *,
    finish: Callable[[], None] = lambda: None,
) -> None:
    """Train on the corpus at `location` into the run folder `out`; goes on where a killed run stopped.

    `fusions`: names of others that are trained beside the configured one, to be compared with it. `finish` is called in the first
    process when all is trained and no other may write into the folder yet.

    Raises:
        MmercError: anything the user can mend: corpus, configuration, weights, folder.
    """
    show_log()
    if config.trainer.accelerator == "gpu" and not torch.accelerator.is_available():
        raise ConfigError("trainer.accelerator is gpu and torch finds none here: set it to auto or cpu.")
    if fusions and len(config.modalities) < 2:
        log.warning("--fusions: there is one modality and nothing to fuse")
    for name in fusions:
        renamed(config.fusion, name)  # what is wrong with it is said before hours of training
    if not is_main_process():
        _train_one_of_several(location, out, config, seeds, fusions)
        return
    corpus = trainable(open_corpus(location))
    with alone_in(out):
        open_run(out, config, corpus, location, seeds)
        sweep(out)
        if config.trainer.devices > 1 and distributed.world() == 1:
            distributed.launch(config.trainer.devices, _train_one_of_several, (location, out, config, seeds, fusions))
        else:
            _train(corpus, location, out, config, seeds, fusions)
        finish()


def _train_one_of_several(location: str, *rest: Any) -> None:
    show_log()
    _train(trainable(open_corpus(location)), location, *rest)


def _train(corpus: Corpus, location: str, out: Path, config: RunConfig, seeds: int, fusions: Sequence[str]) -> None:
    """What each process does in a folder that is open."""
    keep_memory()
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)
    distributed.join()
    folders = seed_folders(out, seeds)
    for number, folder in enumerate(folders):
        if seeds > 1:
            log.info("seed %d of %d", number + 1, seeds)
        seed = Seed(config, corpus, location, out, folder, config.seed + number)
        if number == 0:
            try:
                seed.prepare()
            except MmercError:
                give_up(out)
                raise
        seed.run(fusions)
    if is_main_process():
        best = max(folders, key=lambda folder: read_json(folder / "model" / "config.json")["dev_f1_weighted"])
        if best != out:
            with replacing(out / "model") as temporary:
                shutil.copytree(best / "model", temporary)
        for used in (INPUTS, "warm"):  # crops and samples of people are not kept once they are used
            shutil.rmtree(out / used, ignore_errors=True)
    distributed.barrier()


def renamed(config: FusionConfig, name: str) -> FusionConfig:
    """The settings of another fusion to be compared with this one; one without a fused vector reads no dialogue.

    Raises:
        ConfigError: that fusion cannot have these settings.
    """
    reads = config.context and not name.startswith("late_")
    return validate(FusionConfig, {**config.model_dump(), "name": name, "context": reads}, "fusion")


class Seed:
    """All parts of one seed, in `folder`; prepared inputs are shared by all seeds of the run."""

    def __init__(self, config: RunConfig, corpus: Corpus, location: str, run: Path, folder: Path, seed: int) -> None:
        self.config, self.corpus, self.run_folder, self.folder, self.seed = config, corpus, run, folder, seed
        self.location = location
        self.splits = [split for split in ("train", *PREDICTED) if split in corpus.splits]
        self.selection = selection_of(corpus)
        self.utterances = {turn.key: turn for split in self.splits for turn in corpus.utterances(split)}
        self.journal = Journal(run / "log.jsonl")
        self.encoders: dict[str, Encoder] = {}

    def prepare(self) -> None:
        """Read what every encoder is trained on: a modality that nobody has is found before hours of training another."""
        for modality in self.config.modalities:
            if distributed.anyone(not (self.folder / "encoders" / modality).is_dir()):
                inputs = self.inputs(modality, self._untrained(modality))
                train, dev = (labels_with(inputs, self.corpus, split) for split in ("train", self.selection))
                refuse_empty(modality, train, dev)

    def run(self, fusions: Sequence[str] = ()) -> None:
        """Every part that is not there yet, to the model folder."""
        for modality in self.config.modalities:
            self.encoders[modality] = self.encoder(modality)
        features = {name: self.features(name) for name in self.encoders}
        several = len(features) > 1
        fusion = self.fusion(features, self.config.fusion, self.folder / "fusion") if several else None
        prior = prior_of(self.corpus)
        for name in fusions if several else ():
            self.beside(features, name, prior)
        if not is_main_process():
            return
        decisions: dict[str, Decision] = {}
        if self.config.decision == "dev":
            labels = labels_of(self.corpus, self.selection)
            read = read_with(labels, self.corpus, self.selection)
            decisions = decisions_of(features, fusion, read, labels, prior)
        for split in (name for name in PREDICTED if name in self.splits):
            said = predict_split(self.folder / "predictions", self.corpus, split, features, fusion, prior, decisions)
            if split == self.selection:
                labels = labels_of(self.corpus, split)
                score = f1_score(list(labels.values()), [said[key] for key in labels], average="weighted")
        write_model(self.folder, self.config, self.corpus, self.encoders, fusion, prior, decisions, float(score))

    # ---- stage 1 ------------------------------------------------------------------------------------------------

    def encoder(self, modality: str) -> Encoder:
        """The modality's network, trained."""
        folder = self.folder / "encoders" / modality
        if not distributed.anyone(not folder.is_dir()):
            return ENCODERS[self.config.modalities[modality].encoder].restore(folder)
        encoder = self._untrained(modality)
        WarmStart(self.config, self.corpus, self.location, self.run_folder, self.seed, self.journal.note).fill(
            modality, encoder
        )
        inputs = self.inputs(modality, encoder)
        task = Task(
            name=modality,
            network=encoder,
            forward=encoder,
            config=self.config.modalities[modality],
            train=encoder_examples(encoder, inputs, self.corpus, "train"),
            dev=encoder_examples(encoder, inputs, self.corpus, self.selection),
            classes=len(self.corpus.labels),
            seed=self.seed,
        )
        checkpoint = folder.parent / f"{modality}.checkpoint"
        history = fit(task, self.config.trainer, checkpoint, self.journal.note)
        if is_main_process():
            with replacing(folder) as temporary:
                temporary.mkdir()
                encoder.save(temporary)
                write_json(temporary / "history.json", history)
            checkpoint.unlink(missing_ok=True)
        distributed.barrier()
        return encoder

    def _untrained(self, modality: str) -> Encoder:
        config = self.config.modalities[modality]
        torch.manual_seed(self.seed)  # the layers that start from chance start the same in a resumed run
        encoder = ENCODERS[config.encoder](config, len(self.corpus.labels), protocol=self.config.protocol)
        encoder.adapt(self.corpus.dialogues("train"))
        return encoder

    def inputs(self, modality: str, encoder: Encoder) -> FeatureStore:
        """What the encoder reads, prepared once for all seeds."""
        return inputs_in(self.run_folder, modality, encoder, self.corpus, self.splits)

    def features(self, modality: str) -> FeatureStore:
        """The encoder's sequences for every utterance."""
        store = FeatureStore(self.folder / "features" / modality)
        if distributed.anyone(bool(store.absent(self.utterances))):
            encoder = self.encoders[modality]
            inputs = self.inputs(modality, encoder)
            with bar(f"{modality}: features", len(self.utterances)) as report:
                device = distributed.device(self.config.trainer.accelerator)
                extract_features(encoder, inputs, store, list(self.utterances), report, device=device)
        return store

    # ---- stage 2 ------------------------------------------------------------------------------------------------

    def fusion(self, features: dict[str, FeatureStore], config: FusionConfig, folder: Path) -> Fusion:
        """The fusion that `config` describes, trained on the features; it lies in `folder`."""
        torch.manual_seed(self.seed)
        widths = {name: encoder.width for name, encoder in self.encoders.items()}
        network = build(config, widths, len(self.corpus.labels))
        if distributed.anyone(not (folder / "model.safetensors").is_file()):
            checkpoint = folder.with_suffix(".checkpoint")
            task = Task(
                name=folder.name,
                network=network,
                forward=lambda batch: network(*unpacked(batch)),
                config=config,
                train=self._fusion_examples(features, widths, "train", whole=config.reads_dialogue),
                dev=self._fusion_examples(features, widths, self.selection, whole=config.reads_dialogue),
                classes=len(self.corpus.labels),
                seed=self.seed,
            )
            history = fit(task, self.config.trainer, checkpoint, self.journal.note)
            if is_main_process():
                save_fusion(folder, network, widths, config, history)
                checkpoint.unlink(missing_ok=True)
            distributed.barrier()
            log.info("%s: best dev f1_weighted %.1f", folder.name, 100 * best_score(history))
        return load_fusion(folder)

    def beside(self, features: dict[str, FeatureStore], name: str, prior: list[float]) -> None:
        """Train another fusion under the same settings, and decide with it as with the configured one."""
        folder = self.folder / FUSIONS_BESIDE / name
        if name == self.config.fusion.name or not distributed.anyone(not (folder / DECISION_FILE).is_file()):
            return
        fusion = self.fusion(features, renamed(self.config.fusion, name), folder)
        if is_main_process():
            decision = Decision()
            if self.config.decision == "dev":
                labels = labels_of(self.corpus, self.selection)
                answers, _ = fused_answers(fusion, features, read_with(labels, self.corpus, self.selection))
                decision = Decision.chosen(answers, labels, prior)
            write_json(folder / DECISION_FILE, vars(decision))
        distributed.barrier()

    def _fusion_examples(
        self, features: dict[str, FeatureStore], widths: dict[str, int], split: str, *, whole: bool
    ) -> FusionExamples:
        def there(key: Key) -> bool:
            return any(store[key].values is not None for store in features.values())

        labels = {key: label for key, label in labels_of(self.corpus, split).items() if there(key)}
        keys = [key for key in read_with(labels, self.corpus, split) if there(key)] if whole else list(labels)
        return FusionExamples(features, widths, keys, [labels.get(key, CONTEXT) for key in keys], whole=whole)
