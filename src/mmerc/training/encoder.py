"""Stage 1: training the encoder of one modality."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from mmerc.corpora import Corpus
from mmerc.encoders import ENCODERS, Encoder
from mmerc.errors import MmercError
from mmerc.features import FeatureStore
from mmerc.files import replace_atomically, write_json
from mmerc.hardware import is_main_process
from mmerc.model.folder import load_encoder
from mmerc.progress import EventLog
from mmerc.training import distributed
from mmerc.training.batches import make_encoder_examples
from mmerc.training.loop import Task, fit
from mmerc.training.run_config import RunConfig
from mmerc.training.splits import get_selection_split
from mmerc.training.targets import make_targets
from mmerc.training.warm_start import WarmStart


def create_encoder(modality: str, config: RunConfig, corpus: Corpus, seed: int) -> Encoder:
    """An encoder before training: its public weights loaded, its other layers initialised from the seed."""
    section = config.modalities[modality]
    torch.manual_seed(seed)  # a resumed run starts from the same random layers
    with name_section(modality):
        encoder = ENCODERS[section.encoder](section, corpus.labels.num_outputs, protocol=config.protocol)
        encoder.num_dimensions = len(corpus.labels.dimensions)
        encoder.adapt(corpus.dialogues("train"))
    return encoder


def train_encoder(
    modality: str,
    config: RunConfig,
    corpus: Corpus,
    open_inputs: Callable[[Encoder], FeatureStore],
    folder: Path,
    *,
    run: Path,
    seed: int,
    events: EventLog,
) -> Encoder:
    """Train the encoder of a modality and save it in `folder`, or load it if it is there.

    `open_inputs` gives what an encoder reads of every utterance. `run`: the run folder, where warm starts are kept for all seeds.
    """
    if not distributed.reduce_any(not folder.is_dir()):
        return load_encoder(folder)
    encoder = create_encoder(modality, config, corpus, seed)
    with name_section(modality):
        WarmStart(config, corpus, run, seed, events.write).fill(modality, encoder)
    inputs = open_inputs(encoder)
    examples, dev = (
        make_encoder_examples(encoder, inputs, corpus, split) for split in ("train", get_selection_split(corpus))
    )
    task = Task(
        name=modality,
        network=encoder,
        forward=encoder,
        config=config.modalities[modality],
        train=examples,
        dev=dev,
        num_classes=len(corpus.labels),
        seed=seed,
        train_targets=make_targets(corpus, examples.keys),
        dev_targets=make_targets(corpus, dev.keys),
    )
    checkpoint = folder.parent / f"{modality}.checkpoint"
    history = fit(task, config.trainer, checkpoint, events.write)
    if is_main_process():
        with replace_atomically(folder) as temporary:
            temporary.mkdir()
            encoder.save(temporary)
            write_json(temporary / "history.json", history)
        checkpoint.unlink(missing_ok=True)
    distributed.barrier()
    return encoder


@contextmanager
def name_section(modality: str) -> Iterator[None]:
    """Put the name of the section before an error of its encoder, which does not know the name."""
    try:
        yield
    except MmercError as error:
        raise type(error)(f"{modality}: {error}") from error
