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
from mmerc.model.folder import REFITTED, load_encoder
from mmerc.progress import EventLog
from mmerc.training import distributed
from mmerc.training.batches import make_encoder_examples
from mmerc.training.kernel_classifier import fit_kernel_classifier
from mmerc.training.loop import fit
from mmerc.training.run_config import RunConfig
from mmerc.training.selection import History
from mmerc.training.splits import get_selection_split
from mmerc.training.task import Task, make_task
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

    A classifier that is fitted again with dev is saved in `refitted` beside the folder of all encoders (see `find_final_encoder`).
    `open_inputs` gives what an encoder reads of every utterance. `run`: the run folder, where warm starts are kept for all seeds.
    """
    if not distributed.reduce_any(not folder.is_dir()):
        return load_encoder(folder)
    encoder = create_encoder(modality, config, corpus, seed)
    with name_section(modality):
        WarmStart(config, corpus, run, seed, events.write).fill(modality, encoder)
    task = make_encoder_task(modality, encoder, open_inputs(encoder), config, corpus, seed)
    checkpoint = folder.parent / f"{modality}.checkpoint"
    history = fit(task, config.trainer, checkpoint, events.write)
    fit_kernel_classifier(task, encoder)
    if encoder.refits_with_dev:
        selected = encoder.kernel
        fit_kernel_classifier(task, encoder, with_dev=True)
        _save(encoder, folder.parent.parent / REFITTED / modality, history)  # `folder` is the sign that both are there
        encoder.kernel = selected
    _save(encoder, folder, history)
    if is_main_process():
        checkpoint.unlink(missing_ok=True)
    distributed.barrier()
    return encoder


def _save(encoder: Encoder, folder: Path, history: History) -> None:
    if is_main_process():
        with replace_atomically(folder) as temporary:
            temporary.mkdir()
            encoder.save(temporary)
            write_json(temporary / "history.json", history)


def make_encoder_task(
    modality: str, encoder: Encoder, inputs: FeatureStore, config: RunConfig, corpus: Corpus, seed: int
) -> Task:
    """The training of an encoder on what it reads of train; the selection split selects."""
    train, dev = (
        make_encoder_examples(encoder, inputs, corpus, split) for split in ("train", get_selection_split(corpus))
    )
    return make_task(modality, encoder, encoder, config.modalities[modality], corpus, train, dev, seed=seed)


@contextmanager
def name_section(modality: str) -> Iterator[None]:
    """Put the name of the section before an error of its encoder, which does not know the name."""
    try:
        yield
    except MmercError as error:
        raise type(error)(f"{modality}: {error}") from error
