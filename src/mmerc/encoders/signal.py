"""Signals that come with an utterance as numbers, such as a heart rate or features of another network: [T, d] or [d].

Each column is standardised by its mean and standard deviation in the training split. With `dialogue_context` an
utterance is represented by its position in the sequence of the dialogue's signals, which a GRU reads in both directions
(in the `online` protocol only forward), as in Poria et al. 2017.

Features of a network that has seen the training labels are more reliable in training than in any later use, and a model
learns to trust them too much. Noise in training (`noise_std`) reduces this.
"""

import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from mmerc.config import Protocol
from mmerc.corpora import Dialogue, Utterance
from mmerc.corpora.packs.arrays import is_signal
from mmerc.encoders.base import (
    Batch,
    Classifier,
    Encoder,
    EncoderConfig,
    Encoding,
    Example,
    compute_masked_mean,
    pad_arrays,
)
from mmerc.errors import ConfigError, MissingModality
from mmerc.recurrent import run_gru

MIN_DEVIATION = 1e-5  # a column with a smaller standard deviation is constant


class SignalConfig(EncoderConfig):
    """Settings of a signal."""

    signal: str = Field(description="name of the signal in the corpus")
    input_size: int = Field(0, ge=0, description="columns of the signal; 0 takes the number that the corpus has")
    dialogue_context: bool = Field(
        False, description="read the signals of the whole dialogue, one vector per utterance"
    )
    hidden_size: int = Field(64, ge=4, description="hidden size of the GRU in each direction")
    dropout: float = Field(0.3, ge=0, lt=1, description="dropout before and after the GRU and in the classifier")
    noise_std: float = Field(
        0.0, ge=0, description="standard deviation of the white noise in training, in standard deviations of the column"
    )


class Signal(Encoder):
    """Standardised columns, a projection, a GRU over the steps or over the utterances of the dialogue, a classifier."""

    Config = SignalConfig
    adapt_changes_inputs = True
    config: SignalConfig
    mean: Tensor  # [d]
    deviation: Tensor  # [d]

    def __init__(self, config: EncoderConfig, num_classes: int, *, protocol: Protocol = "offline") -> None:
        assert isinstance(config, SignalConfig)
        super().__init__(config, num_classes, protocol=protocol)
        if config.dialogue_context:
            self.protocols = (protocol,)
        is_bidirectional = protocol == "offline" or not config.dialogue_context
        self.width = config.hidden_size * (2 if is_bidirectional else 1)
        self.gru = nn.GRU(config.hidden_size, config.hidden_size, batch_first=True, bidirectional=is_bidirectional)
        self.dropout = nn.Dropout(config.dropout)
        self.emotion = Classifier(self.width, num_classes, dropout=config.dropout)
        if config.input_size:
            self._create_projection(config.input_size)

    def _create_projection(self, input_size: int) -> None:
        self.register_buffer("mean", torch.zeros(input_size))
        self.register_buffer("deviation", torch.ones(input_size))
        self.projection = nn.Linear(input_size, self.config.hidden_size)

    def adapt(self, dialogues: Sequence[Dialogue]) -> None:
        """Take the number of columns, their means and standard deviations from the training utterances.

        The number of columns is `input_size`, or the most frequent one.

        Raises:
            ConfigError: no training utterance has the signal, or none has it with `input_size` columns.
        """
        name = self.config.signal
        utterances = [utterance for dialogue in dialogues for utterance in dialogue.utterances]
        found = [steps for utterance in utterances if (steps := self._read_steps(utterance)) is not None]
        if not found:
            raise ConfigError(
                f'no training utterance has the signal "{name}": find the reason with `mmerc corpus check`, '
                "or leave the signal out with --modalities."
            )
        counts = Counter(steps.shape[1] for steps in found)
        input_size = self.config.input_size or max(counts, key=lambda size: (counts[size], size))
        if input_size not in counts:
            sizes = " or ".join(map(str, sorted(counts)))
            raise ConfigError(
                f'the signal "{name}" has {sizes} columns in the training split, but input_size is {input_size}: '
                "correct input_size."
            )
        if not self.config.input_size:
            self.config = self.config.model_copy(update={"input_size": input_size})
            self._create_projection(input_size)
        rows = np.concatenate([steps for steps in found if steps.shape[1] == input_size])  # [steps of all, d]
        self.mean.copy_(torch.from_numpy(rows.mean(0, dtype=np.float64)))
        self.deviation.copy_(torch.from_numpy(rows.std(0, dtype=np.float64)).clamp(min=MIN_DEVIATION))

    def _read_steps(self, utterance: Utterance) -> Float[np.ndarray, "T d"] | None:
        value = utterance.signals.get(self.config.signal)
        if not isinstance(value, np.ndarray) or not is_signal(value):
            return None
        return np.atleast_2d(value).astype(np.float32)

    def prepare(self, dialogue: Dialogue, index: int) -> Float[np.ndarray, "T e"]:
        """Return the steps of the signal [T, d], or with `dialogue_context` one row per utterance [U, d + 2].

        Such a row is the mean of the utterance's steps, 1 if it has the signal, and 1 if it is the current utterance. In
        the online protocol the current utterance is the last row.
        """
        current = self._read_steps(dialogue.utterances[index])
        if current is None:
            raise MissingModality(f"it has no signal {self.config.signal}")
        if current.shape[1] != self.config.input_size:
            raise MissingModality(
                f"its signal {self.config.signal} has {current.shape[1]} columns and not {self.config.input_size}"
            )
        if not self.config.dialogue_context:
            return current
        utterances = dialogue.utterances if self.protocol == "offline" else dialogue.utterances[: index + 1]
        rows = np.zeros((len(utterances), self.config.input_size + 2), np.float32)
        for row, utterance in zip(rows, utterances, strict=True):
            steps = self._read_steps(utterance)
            if steps is not None and steps.shape[1] == self.config.input_size:
                row[:-2], row[-2] = steps.mean(0), 1
        rows[index, -1] = 1
        return rows

    def make_example_input(self, length: int) -> Float[np.ndarray, "T e"]:
        columns = self.config.input_size + (2 if self.config.dialogue_context else 0)
        return np.random.default_rng(0).normal(0, 1, (length, columns)).astype(np.float32)

    def collate(self, examples: Sequence[Example], rng: random.Random | None = None) -> Batch:
        steps, mask = pad_arrays([example.values for example in examples])
        return {"steps": steps, "mask": mask}

    def forward(self, batch: Batch) -> Encoding:
        steps, mask = batch["steps"], batch["mask"]  # [B, T, e], [B, T]
        if not self.config.dialogue_context:
            sequence = self._run_gru(steps, mask)  # [B, T, w]
            return Encoding(sequence, mask, self.emotion(compute_masked_mean(sequence, mask)))
        has_signal, is_current = steps[..., -2:-1], steps[..., -1]  # [B, U, 1], [B, U]
        states = self._run_gru(steps[..., :-2], mask, has_signal)  # [B, U, w]
        state = (states * is_current[..., None]).sum(1, keepdim=True)  # [B, 1, w]
        return Encoding(state, mask[:, :1], self.emotion(state[:, 0]))

    def _run_gru(
        self, x: Float[Tensor, "B T d"], mask: Tensor, has_signal: Float[Tensor, "B T 1"] | None = None
    ) -> Float[Tensor, "B T w"]:
        x = (x - self.mean) / self.deviation
        if self.training and self.config.noise_std:
            x = x + self.config.noise_std * torch.randn_like(x)
        x = torch.tanh(self.projection(x))  # [B, T, h]
        x = self.dropout(x if has_signal is None else x * has_signal)
        sequence, _ = run_gru(self.gru, x, mask.sum(1))  # [B, T, w]
        dropped: Tensor = self.dropout(sequence)
        return dropped
