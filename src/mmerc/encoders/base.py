"""What an encoder is: one modality of an utterance in, a sequence of vectors and an emotion of its own out.

prepare   Utterance in its Dialogue -> one array       once, stored between runs; raises MissingModality
collate   arrays -> one padded batch                   every step
forward   batch -> Encoding                            every step; its sequence is what stage 2 reads
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor, nn

from mmerc import weights
from mmerc.config import Protocol, StageConfig, validate
from mmerc.corpora import Dialogue, Key
from mmerc.encoders.text.lora import merged_state
from mmerc.errors import RunError
from mmerc.files import entry, read_json, write_json

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Example:
    """One utterance's prepared array; its first axis is time, whatever that means in the modality."""

    key: Key
    values: np.ndarray


@dataclass(frozen=True)
class Encoding:
    """What the encoder says of a batch: B utterances, at most T steps, width d, C emotions.

    `losses` are further training losses, already weighted, each a scalar; `metrics` are numbers to log, each
    as a sum and the count it is divided by (`training.means`).
    """

    sequence: Float[Tensor, "B T d"]
    mask: Bool[Tensor, "B T"]
    logits: Float[Tensor, "B C"]
    losses: dict[str, Tensor] = field(default_factory=dict)
    metrics: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)


class EncoderConfig(StageConfig):
    """Settings that every encoder has; each adds its own beside its network."""

    encoder: str = Field(description="the kind of network")
    pretrained: bool = Field(
        True,
        description="load public weights; false starts from chance. At the top of the settings it is said of all modalities",
    )
    warm_start: str = Field(
        "",
        description="KIND:PATH of a corpus to train on first; KIND: alone is the folder KIND beside the corpus, if "
        "there is one; model:FOLDER starts from a trained model's network",
    )
    warm_epochs: int = Field(1, ge=1, description="epochs on that other corpus")


class Encoder(nn.Module, ABC):
    """Base of every encoder.

    `classes`: number of emotions. After construction `width` is the d of the sequence it gives.
    """

    Config: ClassVar[type[EncoderConfig]] = EncoderConfig
    traceable: ClassVar[bool] = True  # whether `mmerc export` can make a graph of it
    width: int

    def __init__(self, config: EncoderConfig, classes: int, *, protocol: Protocol = "offline") -> None:
        super().__init__()
        self.config, self.classes, self.protocol = config, classes, protocol

    def adapt(self, dialogues: Sequence[Dialogue]) -> None:
        """See the training dialogues before anything is prepared (a vocabulary is learned here)."""

    @abstractmethod
    def prepare(self, dialogue: Dialogue, index: int) -> np.ndarray:
        """The array of the utterance at `index`.

        Raises:
            MissingModality: the utterance does not have this modality, and why.
        """

    def prepare_with_notes(self, dialogue: Dialogue, index: int) -> tuple[np.ndarray, dict[str, Any]]:
        """What `prepare` gives, and what the encoder noted about it, as JSON; the features keep that as metadata."""
        return self.prepare(dialogue, index), {}

    def example_input(self, length: int) -> np.ndarray:
        """Some array as `prepare` gives it, about as many words, tenths of a second or pictures long: to trace with.

        Raises:
            RunError: the encoder has none (an encoder of a user's own need not); it cannot be exported then.
        """
        raise RunError(
            f"a {self.config.encoder} network has no example input to trace it with: define `example_input` in its encoder."
        )

    @abstractmethod
    def collate(self, examples: Sequence[Example], rng: random.Random | None = None) -> Batch:
        """A padded batch; `rng` is given where it is trained or judged on, not where answers alone are wanted."""

    @abstractmethod
    def forward(self, batch: Batch) -> Encoding: ...

    def rate_of(self, parameter: str) -> float:
        """The learning rate of a parameter as a share of the configured one."""
        return 1.0

    def save(self, folder: Path) -> None:
        """Write the network to a folder that exists."""
        write_json(folder / "config.json", {"classes": self.classes, **self.config.model_dump()})
        save_file({key: value.contiguous() for key, value in merged_state(self).items()}, folder / "model.safetensors")

    @classmethod
    def restore(cls, folder: Path) -> "Encoder":
        """Read what `save` wrote.

        Raises:
            RunError, WeightsError: the folder is incomplete, or its tensors do not fit its configuration.
        """
        settings: dict[str, Any] = read_json(folder / "config.json")
        classes = entry(settings, "classes", folder / "config.json")
        del settings["classes"]
        encoder = cls._rebuild(folder, validate(cls.Config, settings | {"pretrained": False}, "encoder"), classes)
        weights.fill(encoder, weights.read_tensors(folder / "model.safetensors"), str(folder))
        return encoder.eval()

    @classmethod
    def _rebuild(cls, folder: Path, config: EncoderConfig, classes: int) -> "Encoder":
        return cls(config, classes)


class Classifier(nn.Sequential):
    """Two fully connected layers from a vector to the emotions; the paper puts one on each encoder."""

    def __init__(self, width: int, classes: int, *, hidden: int | None = None, dropout: float = 0.1) -> None:
        hidden = hidden or width
        super().__init__(
            nn.Dropout(dropout), nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, classes)
        )


def pad_arrays(
    arrays: Sequence[np.ndarray], *, multiple: int = 1, most: int | None = None
) -> tuple[Tensor, Bool[Tensor, "B T"]]:
    """Arrays of unequal length as one tensor [B, T, ...] with zeros behind, and the mask of what is real.

    T is the longest length, rounded up to a `multiple` but not beyond `most`.

    >>> values, mask = pad_arrays([np.array([1, 2]), np.array([3])])
    >>> values.tolist(), mask.tolist()
    ([[1, 2], [3, 0]], [[True, True], [True, False]])
    """
    longest = max(len(array) for array in arrays)
    rounded = longest + -longest % multiple
    longest = rounded if most is None else max(longest, min(rounded, most))
    first = arrays[0]
    values = np.zeros((len(arrays), longest, *first.shape[1:]), first.dtype)
    mask = np.zeros((len(arrays), longest), bool)
    for row, array in enumerate(arrays):
        values[row, : len(array)] = array
        mask[row, : len(array)] = True
    return torch.from_numpy(values), torch.from_numpy(mask)


def masked_mean(sequence: Float[Tensor, "B T d"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B d"]:
    """The mean over the steps that are real; zeros where none is."""
    weight = mask[..., None].to(sequence.dtype)
    return (sequence * weight).sum(1) / weight.sum(1).clamp(min=1)
