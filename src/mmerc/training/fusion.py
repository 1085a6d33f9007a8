"""Stage 2: training the fusion on the features of stage 1, and other fusions to compare it with."""

from collections.abc import Mapping
from pathlib import Path

import torch

from mmerc.config import validate
from mmerc.corpora import Corpus
from mmerc.features.store import FeatureStore
from mmerc.files import write_json
from mmerc.fusion import FUSIONS, Fusion, FusionConfig, build_fusion, check_fusion_config
from mmerc.hardware import is_main_process
from mmerc.model.calibration import Calibration
from mmerc.model.collation import FusionExamples
from mmerc.model.folder import load_fusion, save_fusion
from mmerc.model.inference import predict_fused
from mmerc.progress import EventLog, log
from mmerc.training import distributed
from mmerc.training.loop import fit
from mmerc.training.modality_dropout import FusionForward
from mmerc.training.run_config import RunConfig
from mmerc.training.splits import choose_utterances, get_labels, get_selection_split, get_speakers, list_dialogue_keys
from mmerc.training.task import make_task

COMPARED_FUSIONS = "fusions"  # folder of the fusions that are trained for comparison
CALIBRATION = "calibration.json"  # written last: if it exists, the compared fusion is complete


def train_fusion(
    features: Mapping[str, FeatureStore],
    widths: Mapping[str, int],
    config: RunConfig,
    corpus: Corpus,
    folder: Path,
    *,
    fusion: FusionConfig,
    seed: int,
    events: EventLog,
) -> Fusion:
    """Train a fusion with the settings `fusion` and save it in `folder`, or load it if it is there.

    `widths`: d of each modality's features [T, d].
    """
    if not distributed.reduce_any(not (folder / "model.safetensors").is_file()):
        return load_fusion(folder)
    torch.manual_seed(seed)
    network = build_fusion(
        fusion,
        widths,
        corpus.labels.num_outputs,
        num_dimensions=len(corpus.labels.dimensions),
        protocol=config.protocol,
    )
    checkpoint = folder.with_suffix(".checkpoint")
    examples, dev = (
        make_examples(features, widths, corpus, split, by_dialogue=network.has_dialogue_context)
        for split in ("train", get_selection_split(corpus))
    )
    task = make_task(folder.name, network, FusionForward(network, fusion), fusion, corpus, examples, dev, seed=seed)
    history = fit(task, config.trainer, checkpoint, events.write)
    if is_main_process():
        save_fusion(folder, network, history)
        checkpoint.unlink(missing_ok=True)
    distributed.barrier()
    log.info("%s: best dev weighted F1 %.1f", folder.name, 100 * max(entry["dev_f1_weighted"] for entry in history))
    return load_fusion(folder)


def train_compared_fusion(
    name: str,
    features: Mapping[str, FeatureStore],
    widths: Mapping[str, int],
    config: RunConfig,
    corpus: Corpus,
    seed_folder: Path,
    *,
    prior: list[float],
    seed: int,
    events: EventLog,
) -> None:
    """Train the fusion `name` with the settings of the configured one, and calibrate it in the same way."""
    folder = seed_folder / COMPARED_FUSIONS / name
    if name == config.fusion.name or not distributed.reduce_any(not (folder / CALIBRATION).is_file()):
        return
    settings = config_for_fusion(config.fusion, name)
    fusion = train_fusion(features, widths, config, corpus, folder, fusion=settings, seed=seed, events=events)
    if is_main_process():
        calibration = Calibration()
        if config.calibration == "dev":
            split = get_selection_split(corpus)
            labels = get_labels(corpus, split)
            keys = list_dialogue_keys(labels, corpus, split)
            probabilities = predict_fused(fusion, features, keys, get_speakers(corpus)).probabilities
            calibration = Calibration.fit(probabilities, labels, prior)
        write_json(folder / CALIBRATION, vars(calibration))
    distributed.barrier()


def config_for_fusion(config: FusionConfig, name: str) -> FusionConfig:
    """The settings of another fusion; a fusion without a fused vector reads no dialogue.

    Raises:
        ConfigError: that fusion cannot have these settings.
    """
    dialogue_context = config.dialogue_context and FUSIONS[name].has_fused_vector
    settings = {**config.model_dump(), "name": name, "dialogue_context": dialogue_context}
    checked = validate(FusionConfig, settings, "fusion")
    check_fusion_config(checked)
    return checked


def make_examples(
    features: Mapping[str, FeatureStore],
    widths: Mapping[str, int],
    corpus: Corpus,
    split: str,
    *,
    by_dialogue: bool,
) -> FusionExamples:
    """The labelled utterances of a split that have a modality; `by_dialogue` adds the other utterances of their dialogues."""
    choice = choose_utterances(corpus, split, features.values(), by_dialogue=by_dialogue)
    return FusionExamples(
        features,
        widths,
        choice.keys,
        choice.labels,
        by_dialogue=by_dialogue,
        speakers=dict(zip(choice.keys, choice.speakers, strict=True)) if by_dialogue else {},
        corpora=choice.corpora,
    )
