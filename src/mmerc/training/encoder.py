"""Stage 1: training the encoder of one modality."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from mmerc.corpora import Corpus
from mmerc.encoders import Encoder, build_encoder
from mmerc.errors import MmercError
from mmerc.features.store import FeatureStore
from mmerc.files import replace_atomically, write_json
from mmerc.hardware import is_main_process
from mmerc.model.folder import load_encoder
from mmerc.progress import EventLog
from mmerc.training import distributed
from mmerc.training.batches import make_encoder_examples
from mmerc.training.kernel_classifier import fit_kernel_classifier
from mmerc.training.loop import fit
from mmerc.training.run_config import RunConfig
from mmerc.training.splits import get_selection_split
from mmerc.training.task import make_task
from mmerc.training.warm_start import WarmStart


def create_encoder(modality: str, config: RunConfig, corpus: Corpus, seed: int) -> Encoder:
    """An encoder before training: its public weights loaded, its other layers initialised from the seed."""
    section = config.modalities[modality]
    torch.manual_seed(seed)  # a resumed run starts from the same random layers
    with name_section(modality):
        encoder = build_encoder(section, corpus.labels, protocol=config.protocol)
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
    task = make_task(modality, encoder, encoder, config.modalities[modality], corpus, examples, dev, seed=seed)
    checkpoint = folder.parent / f"{modality}.checkpoint"
    history = fit(task, config.trainer, checkpoint, events.write)
    fit_kernel_classifier(task, encoder)
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
