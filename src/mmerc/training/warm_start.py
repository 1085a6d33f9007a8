"""The initial weights of an encoder: those of a trained model, or those after training on another corpus.

They are made once and kept in RUN/warm for all seeds of the run. The classifier is taken over if the labels are the same.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mmerc import weights
from mmerc.corpora import READERS, Corpus, open_corpus
from mmerc.corpora.location import find_sibling_corpus, split_locations
from mmerc.encoders import Encoder, build_encoder
from mmerc.errors import MmercError
from mmerc.files import replace_atomically
from mmerc.hardware import is_main_process
from mmerc.model.folder import find_encoder_tensors
from mmerc.training import distributed
from mmerc.training.batches import make_encoder_examples
from mmerc.training.extraction import open_inputs
from mmerc.training.loop import fit
from mmerc.training.run_config import RunConfig
from mmerc.training.run_lock import INPUTS
from mmerc.training.splits import add_selection_split, get_selection_split
from mmerc.training.task import make_task

log = logging.getLogger("mmerc")
CLASSIFIER = "emotion."  # prefix of an encoder's own classifier, which fits other labels only by chance
KERNEL = "kernel."  # prefix of the classifier that is fitted after training, so that it has no initial weights
MODEL = "model"  # the kind of a warm start from a model folder


@dataclass(frozen=True)
class WarmStart:
    """The warm starts of a run in the folder `run`. `warm_start: KIND:` means the folder KIND next to the corpus."""

    config: RunConfig
    corpus: Corpus
    run: Path
    seed: int
    log_event: Callable[[dict[str, Any]], None]

    def fill(self, modality: str, encoder: Encoder) -> None:
        """Load the initial weights into `encoder`.

        It stays as it is where the configuration has no warm start, or has `KIND:` and there is no such folder.

        Raises:
            MmercError: the corpus or model that the configuration names does not exist, or does not fit.
        """
        kind, _, path = self.config.modalities[modality].warm_start.partition(":")
        if not kind:
            return
        file = self.run / "warm" / f"{modality}.safetensors"
        if distributed.reduce_any(not file.is_file()):
            if kind == MODEL:
                folder = Path(path).expanduser()
                tensors, has_same_labels = find_encoder_tensors(
                    folder, modality, encoder.config.encoder, self.corpus.labels
                )
                self._keep(weights.read_tensors(tensors), file, has_same_labels)
            elif not self._train_on_other_corpus(modality, encoder, file):
                return
        learned = weights.read_tensors(file)
        own = {name: value for name, value in encoder.state_dict().items() if name not in learned}
        weights.fill(encoder, learned | own, str(file))

    def _train_on_other_corpus(self, modality: str, encoder: Encoder, file: Path) -> bool:
        """Train on the other corpus and write the weights to `file`; False where the corpus does not exist."""
        config = self.config.modalities[modality]
        is_required = not config.warm_start.endswith(":")
        kind = config.warm_start.removesuffix(":")
        first = split_locations(self.corpus.location, READERS)[0]
        location = config.warm_start if is_required else find_sibling_corpus(first, kind)
        try:
            corpus = add_selection_split(open_corpus(location)) if location else None
        except MmercError as error:
            if is_required:
                raise
            log.info("%s: %s", modality, error)
            corpus = None
        if corpus is None:
            log.info("%s: there is no corpus %s next to this one", modality, kind)
            return False
        log.info("%s: training first on %s (--set %s.warm_start= skips this)", modality, location, modality)
        has_same_labels = corpus.labels == self.corpus.labels
        if not has_same_labels:
            encoder = build_encoder(config, corpus.labels, protocol=self.config.protocol)
            encoder.adapt(self.corpus.dialogues("train"))
        selection = get_selection_split(corpus)
        inputs = open_inputs(self.run / INPUTS, f"{modality}-warm", encoder, corpus, ["train", selection])
        examples, dev = (make_encoder_examples(encoder, inputs, corpus, split) for split in ("train", selection))
        name = f"{modality} on {corpus.name}"
        settings = config.model_copy(
            update={
                "epochs": config.warm_start_epochs,
                "batch_size": config.warm_start_batch_size or config.batch_size,
                "rdrop_weight": 0.0,
            }
        )
        task = make_task(name, encoder, encoder, settings, corpus, examples, dev, seed=self.seed)
        checkpoint = file.with_suffix(".checkpoint")
        fit(task, self.config.trainer, checkpoint, self.log_event)
        self._keep(encoder.state_dict(), file, has_same_labels)
        if is_main_process():
            checkpoint.unlink(missing_ok=True)
        return True

    @staticmethod
    def _keep(tensors: dict[str, torch.Tensor], file: Path, has_same_labels: bool) -> None:
        """Write the weights; the classifier only if it is for the same labels."""
        if is_main_process():
            kept = {
                name: value
                for name, value in tensors.items()
                if not name.startswith(KERNEL) and (has_same_labels or not name.startswith(CLASSIFIER))
            }
            file.parent.mkdir(parents=True, exist_ok=True)
            with replace_atomically(file) as temporary:
                weights.write_tensors(temporary, kept)
        distributed.barrier()
