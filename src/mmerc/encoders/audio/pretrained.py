"""A pre-trained speech network as audio encoder, with the speaker's other utterances as a reference.

The backbone is frozen by default. Then `prepare` computes it, once per run, and training computes the layers after it only.
Training by gradients gives the sequence that stage 2 reads. After it, a kernel classifier is fitted to the same vectors and
takes the place of the trained classifier: over six folds of RAVDESS's speakers it is a point better, which is near the error.

With `voice_network`, the vector of an utterance also has statistics of CAM++, a network for speaker recognition.
"""

import random
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float16
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.config import Protocol
from mmerc.corpora import Dialogue
from mmerc.encoders.audio.base import INT16_SCALE, SpeechConfig, SpeechEncoder
from mmerc.encoders.audio.pooling import compute_attention
from mmerc.encoders.audio.speaker_reference import MIN_VARIANCE, SpeakerNormalization, find_references
from mmerc.encoders.audio.speech_network import SpeechNetwork, load_speech_network
from mmerc.encoders.audio.voice_statistics import (
    NUM_STATISTICS,
    VoiceStatistics,
    count_rows,
    join_statistics,
    split_statistics,
)
from mmerc.encoders.base import Batch, Encoder, EncoderConfig, Encoding, Example
from mmerc.encoders.kernel_classifier import KernelClassifier
from mmerc.encoders.windows import Window, cut_windows
from mmerc.hardware import pack_linear_layers
from mmerc.media import SAMPLE_RATE
from mmerc.memo import recall
from mmerc.threads import compute_together
from mmerc.weights.tensors import read_shapes

POOLED_STEPS = 4  # steps of the backbone (20 ms) that are averaged
PARTS = 3  # of an utterance, each with a mean of its own: how the voice changes
STEPS_PER_SECOND = 50 // POOLED_STEPS
MAX_UTTERANCES = 100  # of a dialogue that are read together
BACKBONE_FOLDER = "backbone"  # in the folder of a saved encoder
KERNEL_COEFFICIENTS = "kernel.coefficients"  # name of the tensor


class PretrainedSpeechConfig(SpeechConfig):
    """Settings of a pre-trained speech network."""

    backbone: str = Field(
        "whisper-base",
        description="whisper-base (`mmerc weights fetch whisper-base`), or hub name or folder of a Whisper, wav2vec 2.0, HuBERT or "
        "WavLM with safetensors weights",
    )
    num_layers: int | None = Field(None, ge=1, description="layers of the backbone that are used; null uses all")
    unfreeze_layers: int = Field(0, ge=0, description="last layers of the backbone that are fine-tuned; 0 freezes all")
    speaker_reference: bool = Field(
        True, description="normalise an utterance by the same speaker's other utterances in the dialogue"
    )
    voice_network: bool = Field(
        False,
        description="add statistics of CAM++, a speaker recognition network, to the vector of an utterance (`mmerc weights fetch voice-encoder`)",
    )
    hidden_size: int = Field(128, ge=4, description="size of the vectors after the backbone")
    dropout: float = Field(
        0.3, ge=0, lt=1, description="dropout probability of the vectors and in the trained classifier"
    )
    augmented_copies: int = Field(
        0,
        ge=0,
        description="augmented copies of each training utterance for a frozen backbone, which is computed once for each of them",
    )
    kernel_classifier: bool = Field(
        True,
        description="after training, fit a kernel classifier to the utterances' vectors, which takes the place of the trained one",
    )
    bf16: bool = Field(True, description="compute the backbone in bfloat16 where the hardware supports it")

    @model_validator(mode="after")
    def _check_augmentation(self) -> "PretrainedSpeechConfig":
        is_augmented = bool(self.max_speed_change or self.augmentation_probability)
        if self.unfreeze_layers and self.augmented_copies:
            raise ValueError("augmented_copies are for a frozen backbone: set it or unfreeze_layers to 0")
        if not self.unfreeze_layers and is_augmented != bool(self.augmented_copies):
            raise ValueError(
                "a frozen backbone reads augmented copies that are made before training: set augmented_copies above 0 together "
                "with max_speed_change or augmentation_probability, or all three to 0"
            )
        return self


class PretrainedSpeech(SpeechEncoder):
    """Statistics of the backbone's layers, and of the voice network, over the utterance, normalised by the speaker's references.

    The sequence of stage 2 is the utterance's vector, followed by a vector for every 80 ms: a learned mix of the layers.
    """

    Config = PretrainedSpeechConfig
    num_leading_steps = 1
    config: PretrainedSpeechConfig
    scales: Tensor  # [v]

    def __init__(
        self,
        config: EncoderConfig,
        num_classes: int,
        network: SpeechNetwork | None = None,
        *,
        protocol: Protocol = "offline",
    ) -> None:
        """`network` is that of a model folder; by default it is loaded as `config` says.

        Raises:
            WeightsError: the backbone cannot be loaded.
        """
        assert isinstance(config, PretrainedSpeechConfig)
        super().__init__(config, num_classes, protocol=protocol)
        # It is trained with few and many references, so it serves both protocols.
        self.reads_dialogue = config.speaker_reference
        self.network = network or load_speech_network(
            config.backbone, num_layers=config.num_layers, pretrained=config.pretrained, bf16=config.bf16
        )
        self.augmented_copies = config.augmented_copies
        self.is_traceable = not config.unfreeze_layers
        self.steps_per_utterance = 10 * (SAMPLE_RATE if config.unfreeze_layers else STEPS_PER_SECOND)  # 10 s
        self.network.freeze(config.unfreeze_layers)
        self.width = config.hidden_size
        size = self.network.width
        self.layer_weights = nn.Parameter(torch.zeros(self.network.num_outputs))
        self.hidden = nn.Sequential(nn.Linear(size, self.width), nn.Tanh())
        self.attention = nn.Linear(self.width, 1)
        sizes = [(2 + PARTS) * (self.network.num_outputs - 1) * size]
        self.voice: VoiceStatistics | None = None
        if config.voice_network:
            self.voice = VoiceStatistics(pretrained=config.pretrained and network is None)
            sizes.append(NUM_STATISTICS)
        self.vector_size = sum(sizes)
        # Both networks contribute equally to the squared distance of two utterances, which the kernel classifier uses.
        scales = [torch.full((each,), (self.vector_size / (len(sizes) * each)) ** 0.5) for each in sizes]
        self.register_buffer("scales", torch.cat(scales), persistent=False)
        self.normalization = SpeakerNormalization(self.vector_size)
        self.summary = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(self.vector_size, self.width))
        self.emotion = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(self.width, num_classes))
        self.fits_kernel = config.kernel_classifier

    def prepare(self, dialogue: Dialogue, index: int) -> np.ndarray:
        """Return what `run_frozen` returns for a frozen backbone, otherwise the samples [S] as integers."""
        samples = super().prepare(dialogue, index)
        if self.config.unfreeze_layers:
            return samples
        live = dialogue.utterances[index].live
        return recall(
            None if live is None else live.memo,
            (self, "prepare"),
            samples,
            lambda: self.run_frozen(samples.astype(np.float32) / INT16_SCALE),
        )

    def prepare_with_notes(self, dialogue: Dialogue, index: int) -> tuple[np.ndarray, dict[str, Any]]:
        return self.prepare(dialogue, index), {"speaker": dialogue.utterances[index].speaker}

    def prepare_with_copies(self, dialogue: Dialogue, index: int) -> list[tuple[np.ndarray, dict[str, Any]]]:
        waveform = super().prepare(dialogue, index).astype(np.float32) / INT16_SCALE  # read once
        versions = [waveform]
        for copy in range(1, 1 + self.augmented_copies):
            # One generator for each dialogue, so that its utterances have the same room, microphone and speed of the voice.
            rng = random.Random(f"{dialogue.split}/{dialogue.dialogue}/{copy}")
            versions.append(self.augment(waveform, rng))
        return [(self.run_frozen(version), {"speaker": dialogue.utterances[index].speaker}) for version in versions]

    @torch.inference_mode()
    def run_frozen(self, waveform: Float[np.ndarray, " S"]) -> np.ndarray:
        """Return the pooled layers [T, K, d] of the backbone in float16, after the statistics of the voice network (see `join_statistics`)."""
        voice = self.voice
        if voice is None:
            return self._run_backbone(waveform)
        steps, statistics = compute_together(
            lambda: self._run_backbone(waveform), lambda: voice(waveform).cpu().numpy()
        )
        return join_statistics(statistics, steps)

    def _run_backbone(self, waveform: Float[np.ndarray, " S"]) -> Float16[np.ndarray, "T K d"]:
        return self.run_network(waveform).cpu().numpy().astype(np.float16)

    def run_network(self, waveform: Float[np.ndarray, " S"]) -> Float[Tensor, "T K d"]:
        states = self.network(waveform)  # [20-ms steps, K, d]
        return torch.stack([part.mean(0) for part in states.split(POOLED_STEPS)])

    def train(self, mode: bool = True) -> "PretrainedSpeech":
        super().train(mode)
        if not self.config.unfreeze_layers:
            self.network.eval()  # a frozen backbone uses no dropout
        return self

    def optimize_for_inference(self) -> None:
        if self.kernel is not None:
            self.kernel.float()  # converted once, not in each call
        if self.config.bf16:
            pack_linear_layers(self.network)

    def cut_windows(self, lengths: Sequence[int], *, overlap: float = 0.5) -> list[Window]:
        """Return windows of at most 100 utterances, however long these are."""
        return cut_windows([1] * len(lengths), MAX_UTTERANCES, protocol=self.protocol, overlap=overlap)

    def make_example_input(self, length: int) -> np.ndarray:
        shape = (1 + length * STEPS_PER_SECOND // 10, self.network.num_outputs, self.network.width)
        if self.voice is not None:
            shape = (shape[0] + count_rows(shape[1:]), *shape[1:])
        return np.random.default_rng(0).standard_normal(shape).astype(np.float16)

    def collate(
        self, examples: Sequence[Example], rng: random.Random | None = None, *, protocol: Protocol | None = None
    ) -> Batch:
        """Return the steps of all utterances in one sequence, without padding, and the references of each utterance.

        `steps` [S, K, d], their places (see `index_steps`), `is_reference` [B, B] (see `find_references`), and with a voice network its
        statistics `voices` [B, v]. `steps` and `voices` are replaced by `waveform` [B, N] and `samples` [B] where the backbone is
        fine-tuned.
        """
        groups = number_groups([(*example.key[:2], example.window) for example in examples])
        speakers = [str(example.notes.get("speaker", "")) for example in examples]
        if not self.config.speaker_reference:
            speakers = [""] * len(examples)
        draws = rng if self.training else None
        is_reference = find_references(speakers, groups, protocol or self.protocol, draws)
        batch = {"is_reference": torch.from_numpy(is_reference)}
        if self.config.unfreeze_layers:
            return batch | super().collate(examples, rng)
        values: Sequence[np.ndarray] = [example.values for example in examples]
        if self.voice is not None:
            voices, values = zip(*map(split_statistics, values), strict=True)
            batch["voices"] = torch.from_numpy(np.stack(voices))
        return batch | {"steps": torch.from_numpy(np.concatenate(values))} | index_steps([len(each) for each in values])

    def forward(self, batch: Batch) -> Encoding:
        if "waveform" in batch:
            batch = batch | self._run_waveforms(batch)
        steps = self._normalize_layers(batch)  # [S, K, d]
        # One layer after the other: a product with all of them would write an array as large as `steps`.
        mixed = reduce(torch.add, map(torch.mul, self.layer_weights.softmax(0), steps.unbind(1)))  # [S, d]
        mask = batch["mask"]  # [B, T]
        hidden = self.hidden(mixed)[batch["positions"]] * mask[..., None]  # [B, T, h]
        attention = compute_attention(self.attention(hidden)[..., 0], mask)  # [B, T]
        vectors = self._pool(steps, batch)  # [B, v], v = `vector_size`
        summary = F.relu(self.summary(vectors) + (attention[..., None] * hidden).sum(1))  # [B, h]
        sequence = torch.cat([summary[:, None], hidden], 1)  # [B, 1 + T, h]
        logits = self.emotion(summary)  # [B, C]
        if self.kernel is not None:  # of the emotions; the continuous dimensions stay those of the trained layer
            scores = self.kernel(vectors)
            logits = torch.cat([scores, logits[:, scores.shape[1] :]], 1)
        return Encoding(sequence, F.pad(mask, (1, 0), value=True), logits)

    def compute_vectors(self, batch: Batch) -> Float[Tensor, "B v"]:
        """What the classifiers read of a batch; v = `vector_size`."""
        if "waveform" in batch:
            batch = batch | self._run_waveforms(batch)
        return self._pool(self._normalize_layers(batch), batch)

    def _normalize_layers(self, batch: Batch) -> Float[Tensor, "S K d"]:
        return F.layer_norm(batch["steps"].float(), (self.network.width,))

    def _pool(self, steps: Float[Tensor, "S K d"], batch: Batch) -> Float[Tensor, "B v"]:
        outputs = steps[:, 1:].flatten(1)  # of the layers, without the input of the first
        segments = batch["segments"][:, None].expand_as(outputs)  # [S, (K - 1) d]
        sizes = batch["sizes"][..., None].float()  # [B, PARTS, 1]
        zeros = torch.zeros_like(sizes.reshape(-1, 1)).expand(-1, outputs.shape[1])
        sums = zeros.scatter_add(0, segments, outputs).reshape(-1, PARTS, outputs.shape[1])  # [B, PARTS, (K - 1) d]
        squares = zeros.scatter_add(0, segments, outputs.square()).reshape(-1, PARTS, outputs.shape[1]).sum(1)
        whole = sizes.sum(1)  # [B, 1]
        mean = sums.sum(1) / whole
        deviation = (squares / whole - mean.square()).clamp(min=MIN_VARIANCE).sqrt()
        parts = torch.where(sizes > 0, sums / sizes.clamp(min=1), mean[:, None])  # one step has no thirds
        pooled = [mean, deviation, parts.flatten(1)] + ([] if self.voice is None else [batch["voices"].float()])
        vectors: Tensor = self.normalization(torch.cat(pooled, 1), batch["is_reference"])
        return vectors * self.scales

    def _run_waveforms(self, batch: Batch) -> Batch:
        samples = zip(batch["waveform"].cpu().numpy(), batch["samples"].tolist(), strict=True)
        waveforms = [waveform[:count] for waveform, count in samples]
        parts = [self.run_network(waveform) for waveform in waveforms]
        index = {name: value.to(parts[0].device) for name, value in index_steps([len(part) for part in parts]).items()}
        found = {"steps": torch.cat(parts)} | index
        if self.voice is not None:
            found["voices"] = torch.stack([self.voice(each) for each in waveforms])
        return found

    def save(self, folder: Path) -> None:
        super().save(folder)
        self.network.save(folder / BACKBONE_FOLDER)

    @classmethod
    def _rebuild(
        cls, folder: Path, config: EncoderConfig, num_classes: int, *, protocol: Protocol = "offline"
    ) -> Encoder:
        assert isinstance(config, PretrainedSpeechConfig)
        network = load_speech_network(str(folder / BACKBONE_FOLDER), pretrained=False, bf16=config.bf16)
        encoder = cls(config, num_classes, network, protocol=protocol)
        shapes = read_shapes(folder / "model.safetensors")
        if KERNEL_COEFFICIENTS in shapes:
            num_landmarks, num_labels = shapes[KERNEL_COEFFICIENTS]
            encoder.kernel = KernelClassifier(num_landmarks, encoder.vector_size, num_labels)
        return encoder


def number_groups(names: Sequence[tuple[str, str, int]]) -> list[int]:
    """Return a number for each name; equal names have the same number."""
    numbers: dict[tuple[str, str, int], int] = {}
    return [numbers.setdefault(name, len(numbers)) for name in names]


def index_steps(lengths: Sequence[int]) -> Batch:
    """Return where the steps of B utterances are, which follow one another in one sequence of S steps.

    `segments` [S]: the number of the third of an utterance in which a step is; those of utterance i are 3 i to 3 i + 2. `sizes` [B, 3]:
    the steps of each third. `positions` [B, T]: the steps of each utterance, padded with 0. `mask` [B, T]: true at the real steps.

    >>> index = {name: value.tolist() for name, value in index_steps([1, 3]).items()}
    >>> index["segments"], index["sizes"]
    ([0, 3, 4, 5], [[1, 0, 0], [1, 1, 1]])
    >>> index["positions"], index["mask"]
    ([[0, 0, 0], [1, 2, 3]], [[True, False, False], [True, True, True]])
    """
    counts = torch.tensor(lengths)
    starts = counts.cumsum(0) - counts  # [B]
    offsets = torch.arange(max(lengths))[None]  # [1, T]
    mask = offsets < counts[:, None]  # [B, T]
    segments = (PARTS * torch.arange(len(lengths))[:, None] + PARTS * offsets // counts[:, None])[mask]
    sizes = segments.bincount(minlength=PARTS * len(lengths)).reshape(-1, PARTS)
    return {"segments": segments, "sizes": sizes, "positions": (starts[:, None] + offsets) * mask, "mask": mask}
