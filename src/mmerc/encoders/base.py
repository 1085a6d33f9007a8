"""The base class of all encoders. An encoder turns one modality of an utterance into a sequence of vectors and logits.

prepare   an utterance in its dialogue -> one array    once per run; raises MissingModality
collate   arrays -> one padded batch                   every step
forward   batch -> Encoding                            every step; stage 2 reads the sequence
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor, nn

from mmerc import weights
from mmerc.config import Protocol, TrainingConfig, validate
from mmerc.config.saved import NetworkInfo, build_saved, check_info
from mmerc.corpora import Dialogue, Key, LiveRecording
from mmerc.encoders.kernel_classifier import KernelClassifier
from mmerc.encoders.windows import Window
from mmerc.errors import RunError
from mmerc.files import read_json, write_json

Batch = dict[str, Tensor]
NUM_DIMENSIONS = "num_dimensions"  # key in the config.json of a network that predicts continuous dimensions


@dataclass(frozen=True)
class Example:
    """The prepared array of one utterance. Its first axis is time: tokens, samples or frames. Rows about the whole
    utterance may come before them.

    `window`: for an encoder with `reads_dialogue`. Neighbours of one dialogue and one window are read together. `notes`: what
    `prepare_with_notes` returned with the array.
    """

    key: Key
    values: np.ndarray
    window: int = 0
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Encoding:
    """The output of an encoder: B utterances, at most T steps, vectors of size d, C emotions.

    After the logits of the emotions, `logits` has a column for each continuous dimension that the encoder predicts.
    `mask` is true at the real steps of `sequence`. `losses` are additional training losses, each a weighted scalar.
    `metrics` are numbers for the log, each as a sum and the count to divide it by.
    """

    sequence: Float[Tensor, "B T d"]
    mask: Bool[Tensor, "B T"]
    logits: Float[Tensor, "B C"]
    losses: dict[str, Tensor] = field(default_factory=dict)
    metrics: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)


class EncoderConfig(TrainingConfig):
    """Settings that every encoder has. Each encoder adds its own."""

    encoder: str = Field(description="kind of network")
    pretrained: bool = Field(
        True,
        description="start from public weights; false starts from random initialisation",
    )
    warm_start: str = Field(
        "",
        description="where the initial weights come from: KIND:PATH trains on this corpus first; KIND: trains on the folder KIND "
        "next to the corpus, if it exists; model:FOLDER loads the network of a trained model; empty: no warm start",
    )
    warm_start_epochs: int = Field(1, ge=1, description="number of epochs on the corpus of `warm_start`")
    warm_start_batch_size: int = Field(
        0, ge=0, description="utterances in a batch of the corpus of `warm_start`; 0: as many as `batch_size`"
    )
    max_feature_steps: int = Field(
        0,
        ge=0,
        description="largest number of steps that stage 2 reads of an utterance: a longer sequence is averaged over time; 1 is its mean, 0 keeps every step",
    )
    feature_dtype: Literal["float16", "int8"] = Field(
        "float16",
        description="numbers of the features of stage 2: two bytes each, or one byte and a scale for each step",
    )


class Encoder(nn.Module, ABC):
    """Base class of all encoders.

    `num_classes` is the number of outputs: of the emotions, and after these of `num_dimensions` continuous dimensions. With the `offline` protocol an encoder may read the utterances after the
    current one, with `online` it must not. `protocols` are those that it was trained for; `protocol` can be set to each of
    them. The constructor of a subclass sets `width`, the vector size d of the sequence.
    """

    Config: ClassVar[type[EncoderConfig]] = EncoderConfig
    # Whether `prepare` reads sound or video, so that several processes prepare the utterances for training.
    reads_recordings: ClassVar[bool] = False
    # Whether `prepare` uses what `adapt` learned from the training dialogues.
    adapt_changes_inputs: ClassVar[bool] = False
    augmented_copies: int = 0  # augmented versions of each training utterance, which `prepare_with_copies` makes
    is_traceable: bool = True  # whether `mmerc export` can trace the network
    has_graph: bool = False  # whether `forward` was replaced by a graph of onnxruntime, which reads what was exported and nothing else
    depends_on_protocol: bool = False  # whether it reads more than the current utterance
    # Whether `collate` takes the utterances of a dialogue together, in order, and a keyword `protocol`.
    reads_dialogue: bool = False
    # A part of a dialogue that is read together counts as at least one utterance per so many steps towards the size of a batch.
    steps_per_utterance: int = 16
    # By prefix of a parameter's name: its learning rate as a multiple of the configured one.
    lr_factors: Mapping[str, float] = {}
    num_dimensions: int = 0  # of the outputs, the last ones; `build_encoder` and `restore` set it
    # Steps at the start of the sequence that are a summary of the utterance and no point in time.
    num_leading_steps: int = 0
    fits_kernel: bool = False  # whether a kernel classifier of the emotions is fitted after training by gradients
    width: int

    def __init__(self, config: EncoderConfig, num_classes: int, *, protocol: Protocol = "offline") -> None:
        super().__init__()
        self.config, self.num_classes = config, num_classes
        self.protocol: Protocol = protocol
        self.kernel: KernelClassifier | None = None  # once it is fitted
        self.protocols: tuple[Protocol, ...] = (protocol,) if self.depends_on_protocol else get_args(Protocol)

    def adapt(self, dialogues: Sequence[Dialogue]) -> None:
        """Learn from the training dialogues what `prepare` needs, such as a vocabulary. Called once, before `prepare`."""

    @abstractmethod
    def prepare(self, dialogue: Dialogue, index: int) -> np.ndarray:
        """Return the array of the utterance at `index` in the dialogue.

        Raises:
            MissingModality: the utterance does not have this modality. The message is the reason.
        """

    def prepare_with_notes(self, dialogue: Dialogue, index: int) -> tuple[np.ndarray, dict[str, Any]]:
        """Return the array of `prepare` and JSON values about it. The feature store keeps them as metadata.

        Raises:
            MissingModality: as in `prepare`.
        """
        return self.prepare(dialogue, index), {}

    def look_ahead(self, lives: Sequence[LiveRecording]) -> None:
        """Compute what live utterances that are going on will need at their ends, and keep it in the memos of their images.

        This is only to save time: `prepare` computes what is not there.
        """

    def prepare_with_copies(self, dialogue: Dialogue, index: int) -> list[tuple[np.ndarray, dict[str, Any]]]:
        """Return what `prepare_with_notes` returns, followed by the same for each of the `augmented_copies`.

        Raises:
            MissingModality: as in `prepare`.
        """
        return [self.prepare_with_notes(dialogue, index)]

    def cut_windows(self, lengths: Sequence[int], *, overlap: float = 0.5) -> list[Window]:
        """Return the parts of a dialogue that are read together, from the lengths of its prepared utterances.

        `overlap`: the largest share of a window that is repeated at the start of the next one. Only encoders with `reads_dialogue`
        implement it. In the online protocol the start of an utterance's window depends only on earlier lengths.
        """
        raise NotImplementedError

    def make_example_input(self, length: int) -> np.ndarray:
        """Return an array in the form of `prepare`, with which the network is traced for export.

        `length` is an approximate number of words, tenths of a second or frames.

        Raises:
            RunError: the encoder does not implement it and cannot be exported.
        """
        raise RunError(
            f"the {self.config.encoder} encoder cannot be exported: it needs the method make_example_input, which returns "
            "an array to trace it with."
        )

    @abstractmethod
    def collate(self, examples: Sequence[Example], rng: random.Random | None = None) -> Batch:
        """Return a padded batch.

        `rng` is given in training and in evaluation on dev, where losses are computed. It is None in prediction.
        """

    @abstractmethod
    def forward(self, batch: Batch) -> Encoding: ...

    def compute_vectors(self, batch: Batch) -> Float[Tensor, "B v"]:
        """Return what the kernel classifier reads. Only encoders with `fits_kernel` implement it."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Write the network to an existing folder."""
        settings = {"num_classes": self.num_classes, "protocol": self.protocol, **self.config.model_dump()}
        if self.num_dimensions:
            settings[NUM_DIMENSIONS] = self.num_dimensions
        write_json(folder / "config.json", settings)
        weights.write_tensors(folder / "model.safetensors", self.state_dict())

    @classmethod
    def restore(cls, folder: Path) -> "Encoder":
        """Read a network that `save` wrote. It is in evaluation mode.

        Raises:
            RunError: a file is missing or incomplete.
            ConfigError: a setting in config.json is wrong.
            WeightsError: the tensors do not fit the configuration.
        """
        file = folder / "config.json"
        settings: dict[str, Any] = read_json(file)
        check_info(settings, NetworkInfo, file)
        num_classes, protocol = settings["num_classes"], settings["protocol"]
        num_dimensions = settings.get(NUM_DIMENSIONS, 0)
        own = {
            name: value for name, value in settings.items() if name not in ("num_classes", "protocol", NUM_DIMENSIONS)
        }
        config = validate(cls.Config, own | {"pretrained": False}, "encoder")
        encoder = build_saved(lambda: cls._rebuild(folder, config, num_classes, protocol=protocol), file)
        weights.fill(encoder, weights.read_tensors(folder / "model.safetensors"), str(folder))
        encoder.num_dimensions = num_dimensions
        return encoder.eval()

    def optimize_for_inference(self) -> None:
        """Change the network so that it computes faster and gives the same results. It cannot be trained or saved after that."""

    @classmethod
    def _rebuild(cls, folder: Path, config: EncoderConfig, num_classes: int, *, protocol: Protocol) -> "Encoder":
        """Construct the network that `restore` fills with weights. Override it where the folder has more to read."""
        return cls(config, num_classes, protocol=protocol)


class Classifier(nn.Sequential):
    """Two fully connected layers, vectors [B, width] -> logits [B, num_classes]. In the paper each encoder has one.

    `hidden_size` is the size between the layers, by default `width`.
    """

    def __init__(self, width: int, num_classes: int, *, hidden_size: int | None = None, dropout: float = 0.1) -> None:
        hidden_size = hidden_size or width
        super().__init__(
            nn.Dropout(dropout),
            nn.Linear(width, hidden_size),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_size, num_classes),
        )


def pad_arrays(
    arrays: Sequence[np.ndarray], *, multiple: int = 1, max_length: int | None = None
) -> tuple[Tensor, Bool[Tensor, "B T"]]:
    """Pad arrays [L, ...] with zeros at the end to one tensor [B, T, ...]. The mask is true at the real steps.

    T is the longest length, rounded up to a `multiple`. The rounding never goes beyond `max_length`.

    >>> values, mask = pad_arrays([np.array([1, 2]), np.array([3])])
    >>> values.tolist(), mask.tolist()
    ([[1, 2], [3, 0]], [[True, True], [True, False]])
    """
    longest = max(len(array) for array in arrays)
    rounded = longest + -longest % multiple
    length = rounded if max_length is None else max(longest, min(rounded, max_length))
    values = np.zeros((len(arrays), length, *arrays[0].shape[1:]), arrays[0].dtype)
    mask = np.zeros((len(arrays), length), bool)
    for row, array in enumerate(arrays):
        values[row, : len(array)] = array
        mask[row, : len(array)] = True
    return torch.from_numpy(values), torch.from_numpy(mask)


def compute_masked_mean(sequence: Float[Tensor, "B T d"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B d"]:
    """Return the mean over the steps where the mask is true, or zeros if there are none."""
    weight = mask[..., None].to(sequence.dtype)  # [B, T, 1]
    return (sequence * weight).sum(1) / weight.sum(1).clamp(min=1)
