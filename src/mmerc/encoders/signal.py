"""Signals that an utterance brings as numbers: somebody's own features, a heart rate, anything [T, d] or [d].

Each column is standardised by its mean and deviation in training. With `context`, what stands for an utterance is its
place in the dialogue's sequence of signals, read by a recurrent network from both sides (`online`: from the past
alone), as in Poria et al. 2017.

Features that a network made which had seen the training labels say more in training than they ever will again, and what
reads them learns to trust them and nothing else. `noise` in training takes some of that away.
"""

import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmerc.corpora import Dialogue, Utterance
from mmerc.corpora.packs.arrays import usable
from mmerc.encoders.base import Batch, Classifier, Encoder, EncoderConfig, Encoding, Example, masked_mean, pad_arrays
from mmerc.encoders.text.input import Protocol
from mmerc.errors import ConfigError, MissingModality

SMALLEST = 1e-5  # deviation below which a column is constant


class SignalConfig(EncoderConfig):
    """Settings of a signal."""

    signal: str = Field(description="its name among the utterance's signals")
    inputs: int = Field(0, ge=0, description="its columns; 0 takes what the corpus has")
    protocol: Protocol = Field(
        "offline", description="taken from the top of the settings; online reads nothing behind an utterance"
    )
    context: bool = Field(False, description="read the whole dialogue, one vector an utterance")
    hidden: int = Field(64, ge=4, description="units of the GRU, in each direction")
    dropout: float = Field(0.3, ge=0, lt=1, description="before the GRU and the classifier")
    noise: float = Field(0.0, ge=0, description="white noise in training, in deviations of each column")


class Signal(Encoder):
    """Standardised columns, a projection, a GRU over the steps (or over the dialogue's utterances), a classifier."""

    Config = SignalConfig
    config: SignalConfig
    mean: Tensor
    deviation: Tensor

    def __init__(self, config: EncoderConfig, classes: int) -> None:
        assert isinstance(config, SignalConfig)
        super().__init__(config, classes)
        both = config.protocol == "offline" or not config.context
        self.width = config.hidden * (2 if both else 1)
        self.gru = nn.GRU(config.hidden, config.hidden, batch_first=True, bidirectional=both)
        self.dropout = nn.Dropout(config.dropout)
        self.emotion = Classifier(self.width, classes, dropout=config.dropout)
        if config.inputs:
            self._with_inputs(config.inputs)

    def _with_inputs(self, inputs: int) -> None:
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))
        self.projection = nn.Linear(inputs, self.config.hidden)

    def adapt(self, dialogues: Sequence[Dialogue]) -> None:
        """Take the commonest number of columns, their means and their deviations from the training utterances.

        Raises:
            ConfigError: no training utterance has the signal, with as many columns as are configured.
        """
        found = [
            steps for dialogue in dialogues for turn in dialogue.utterances if (steps := self._steps(turn)) is not None
        ]
        widths = Counter(steps.shape[1] for steps in found)
        columns = self.config.inputs or max(widths, key=lambda width: (widths[width], width), default=0)
        if not found:
            raise ConfigError(
                f'no training utterance has the signal "{self.config.signal}": check `mmerc corpus check`, '
                "or leave it out with --modalities."
            )
        if columns not in widths:
            there = ", ".join(map(str, sorted(widths)))
            raise ConfigError(
                f'the signal "{self.config.signal}" has {there} columns in training and not {columns}: correct its inputs.'
            )
        if not self.config.inputs:
            self.config = self.config.model_copy(update={"inputs": columns})
            self._with_inputs(columns)
        rows = np.concatenate([steps for steps in found if steps.shape[1] == columns])
        self.mean.copy_(torch.from_numpy(rows.mean(0, dtype=np.float64)))
        self.deviation.copy_(torch.from_numpy(rows.std(0, dtype=np.float64)).clamp(min=SMALLEST))

    def _steps(self, turn: Utterance) -> Float[np.ndarray, "T d"] | None:
        value = turn.signals.get(self.config.signal)
        if not isinstance(value, np.ndarray) or not usable(value):
            return None
        return np.atleast_2d(value).astype(np.float32)

    def prepare(self, dialogue: Dialogue, place: int) -> Float[np.ndarray, "T e"]:
        """The signal's steps [T, d]; with context, a step for each utterance of the dialogue [U, d + 2]: its mean,
        whether it has the signal, and whether it is the current one."""
        current = self._steps(dialogue.utterances[place])
        if current is None:
            raise MissingModality(f"it has no signal {self.config.signal}")
        if current.shape[1] != self.config.inputs:
            raise MissingModality(f"its {self.config.signal} has not {self.config.inputs} columns")
        if not self.config.context:
            return current
        turns = dialogue.utterances if self.config.protocol == "offline" else dialogue.utterances[: place + 1]
        rows = np.zeros((len(turns), self.config.inputs + 2), np.float32)
        for number, turn in enumerate(turns):
            steps = self._steps(turn)
            if steps is not None and steps.shape[1] == self.config.inputs:
                rows[number, :-2], rows[number, -2] = steps.mean(0), 1
        rows[place, -1] = 1
        return rows

    def example_input(self, length: int) -> Float[np.ndarray, "T e"]:
        columns = self.config.inputs + (2 if self.config.context else 0)
        return np.random.default_rng(0).normal(0, 1, (length, columns)).astype(np.float32)

    def collate(self, examples: Sequence[Example], rng: random.Random | None = None) -> Batch:
        steps, mask = pad_arrays([example.values for example in examples])
        return {"steps": steps, "mask": mask}

    def forward(self, batch: Batch) -> Encoding:
        steps, mask = batch["steps"], batch["mask"]
        if not self.config.context:
            sequence = self._recurred(steps, mask)
            return Encoding(sequence, mask, self.emotion(masked_mean(sequence, mask)))
        there, current = steps[..., -2:-1], steps[..., -1]
        states = self._recurred(steps[..., :-2], mask, there)
        state = (states * current[..., None]).sum(1, keepdim=True)  # [B, 1, w]
        return Encoding(state, mask[:, :1], self.emotion(state[:, 0]))

    def _recurred(
        self, x: Float[Tensor, "B T d"], mask: Tensor, there: Float[Tensor, "B T 1"] | None = None
    ) -> Float[Tensor, "B T w"]:
        x = (x - self.mean) / self.deviation
        if self.training and self.config.noise:
            x = x + self.config.noise * torch.randn_like(x)
        x = torch.tanh(self.projection(x))
        x = self.dropout(x if there is None else x * there)
        packed = pack_padded_sequence(x, mask.sum(1).cpu(), batch_first=True, enforce_sorted=False)
        sequence, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=mask.shape[1])
        return self.dropout(sequence)
