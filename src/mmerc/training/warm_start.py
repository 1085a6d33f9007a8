"""What a network starts from: a trained model's network, or what it learned of another corpus first.

Either is made once and kept in RUN/warm for all seeds of the run. A classifier comes along if the labels are the same.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from mmerc import weights
from mmerc.corpora import Corpus, open_corpus
from mmerc.corpora.location import beside
from mmerc.encoders import ENCODERS, Encoder
from mmerc.encoders.text.lora import rename_for_lora
from mmerc.errors import MmercError
from mmerc.files import replacing
from mmerc.hardware import is_main_process
from mmerc.model.folder import network_file
from mmerc.training import distributed
from mmerc.training.extraction import inputs_in
from mmerc.training.loop import Task, fit
from mmerc.training.run_config import RunConfig
from mmerc.training.selection import encoder_examples, selection_of, trainable

log = logging.getLogger("mmerc")
CLASSIFIER = "emotion."  # every encoder's own: what a start from other labels leaves out


@dataclass(frozen=True)
class WarmStart:
    """The starts of a run in the folder `run` on the `corpus` at `location`, beside which another corpus may lie."""

    config: RunConfig
    corpus: Corpus
    location: str
    run: Path
    seed: int
    note: Callable[[dict[str, Any]], None]

    def fill(self, modality: str, encoder: Encoder) -> None:
        """Give `encoder` the weights it is to start from; it stays as it is where the configuration asks for none, or for
        a corpus that may be there and is not.

        Raises:
            MmercError: what is asked for by its place is not there, or not of this kind.
        """
        kind, _, place = self.config.modalities[modality].warm_start.partition(":")
        if not kind:
            return
        start = self.run / "warm" / f"{modality}.safetensors"
        if distributed.anyone(not start.is_file()):
            if kind == "model":
                folder = Path(place).expanduser()
                file, same = network_file(folder, modality, encoder.config.encoder, self.corpus.labels)
                self._keep(weights.read_tensors(file), start, same)
            elif not self._trained(modality, encoder, start):
                return
        tensors = rename_for_lora(encoder, weights.read_tensors(start))
        own = {name: value for name, value in encoder.state_dict().items() if name not in tensors}
        weights.fill(encoder, tensors | own, str(start))

    def _trained(self, modality: str, encoder: Encoder, start: Path) -> bool:
        """Write what `encoder` would be after the other corpus to the file `start`; False where there is none."""
        config = self.config.modalities[modality]
        asked = not config.warm_start.endswith(":")
        location = config.warm_start if asked else beside(self.location, config.warm_start.removesuffix(":"))
        try:
            corpus = trainable(open_corpus(location)) if location else None
        except MmercError as error:
            if asked:
                raise
            log.info("%s: %s", modality, error)  # nobody asked for it: the run goes on without it
            corpus = None
        if corpus is None:
            log.info("%s: no corpus %s beside this one", modality, config.warm_start.removesuffix(":"))
            return False
        log.info("%s: first on %s (--set %s.warm_start= leaves that out)", modality, location, modality)
        same = corpus.labels == self.corpus.labels
        if not same:
            encoder = ENCODERS[config.encoder](config, len(corpus.labels), protocol=self.config.protocol)
            encoder.adapt(self.corpus.dialogues("train"))
        selection = selection_of(corpus)
        inputs = inputs_in(self.run, f"{modality}-warm", encoder, corpus, ["train", selection])
        task = Task(
            name=f"{modality} on {corpus.name}",
            network=encoder,
            forward=encoder,
            # Plainly: the second pass of R-Drop would double the longest part of all for no dev number of this corpus.
            config=config.model_copy(update={"epochs": config.warm_start_epochs, "consistency": 0.0}),
            train=encoder_examples(encoder, inputs, corpus, "train"),
            dev=encoder_examples(encoder, inputs, corpus, selection),
            classes=len(corpus.labels),
            seed=self.seed,
        )
        checkpoint = start.with_suffix(".checkpoint")
        fit(task, self.config.trainer, checkpoint, self.note)
        self._keep(encoder.state_dict(), start, same)
        if is_main_process():
            checkpoint.unlink(missing_ok=True)
        return True

    @staticmethod
    def _keep(learned: dict[str, torch.Tensor], start: Path, same: bool) -> None:
        """Write what a network starts from; its classifier only if it is of the `same` labels."""
        if is_main_process():
            kept = {name: value for name, value in learned.items() if same or not name.startswith(CLASSIFIER)}
            start.parent.mkdir(parents=True, exist_ok=True)
            with replacing(start) as temporary:
                save_file({name: value.contiguous() for name, value in kept.items()}, temporary)
        distributed.barrier()
