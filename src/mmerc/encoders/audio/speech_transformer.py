"""Any speech network of transformers as audio encoder: wav2vec 2.0, HuBERT, WavLM, Whisper's encoder, by name or folder."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from torch import nn
from transformers import AutoConfig, AutoFeatureExtractor

from mmerc.config import Protocol
from mmerc.encoders.audio.base import SpeechConfig, SpeechEncoder, softmax_pooled, steps_mask
from mmerc.encoders.base import Batch, Classifier, Encoder, EncoderConfig, Encoding, Example
from mmerc.encoders.pretrained import explain_load_errors, load_network
from mmerc.errors import WeightsError
from mmerc.media import SAMPLE_RATE


class SpeechTransformerConfig(SpeechConfig):
    """Settings of a pre-trained speech network."""

    backbone: str = Field(description="a hub name or a folder")
    frozen: bool = Field(False, description="only the pooling and the classifier learn")
    dropout: float = Field(0.1, ge=0, lt=1, description="before the classifier")


class SpeechTransformer(SpeechEncoder):
    """The network's own preparation of the waveform, its last hidden states, attentive pooling."""

    Config = SpeechTransformerConfig
    config: SpeechTransformerConfig

    def __init__(self, config: EncoderConfig, classes: int, *, protocol: Protocol = "offline") -> None:
        assert isinstance(config, SpeechTransformerConfig)
        super().__init__(config, classes, protocol=protocol)
        self.backbone, self.extractor = load_speech(config.backbone, pretrained=config.pretrained)
        if config.frozen:
            self.backbone.requires_grad_(False)
        self.width = int(self.backbone.config.hidden_size)
        self.score = nn.Linear(self.width, 1)
        self.emotion = Classifier(self.width, classes, dropout=config.dropout)
        self.train()

    def train(self, mode: bool = True) -> "SpeechTransformer":
        super().train(mode)
        if self.config.frozen:
            self.backbone.eval()  # no dropout in what cannot learn
        return self

    def collate(self, examples: Sequence[Example], rng: random.Random | None = None) -> Batch:
        waves = self.waveforms(examples, rng)
        # Whisper's extractor fills up to its 30 s whatever it is told; the others to the longest of the batch.
        padding = "max_length" if self._reads_spectrograms else True
        made = self.extractor(waves, sampling_rate=SAMPLE_RATE, return_tensors="pt", padding=padding)
        batch = {"input": made[self.extractor.model_input_names[0]], "samples": torch.tensor([len(w) for w in waves])}
        if "attention_mask" in made and not self._reads_spectrograms:
            batch["attention"] = made["attention_mask"]
        return batch

    @property
    def _reads_spectrograms(self) -> bool:
        return bool(self.extractor.model_input_names[0] == "input_features")

    def forward(self, batch: Batch) -> Encoding:
        options = {"attention_mask": batch["attention"]} if "attention" in batch else {}
        sequence = self.backbone(batch["input"], **options).last_hidden_state.float()  # [B, T, d]
        lengths = batch["samples"]
        if self._reads_spectrograms:
            lengths = lengths // self.extractor.hop_length
        counts = self.backbone._get_feat_extract_output_lengths(lengths).clamp(1, sequence.shape[1])
        mask = steps_mask(counts, sequence.shape[1])
        sequence = sequence * mask[..., None]
        pooled = softmax_pooled(sequence, self.score(sequence)[..., 0], mask)
        return Encoding(sequence, mask, self.emotion(pooled))

    def save(self, folder: Path) -> None:
        super().save(folder)
        self.backbone.config.save_pretrained(folder / "backbone")
        self.extractor.save_pretrained(folder / "backbone")

    @classmethod
    def _rebuild(cls, folder: Path, config: EncoderConfig, classes: int, *, protocol: Protocol) -> Encoder:
        encoder = cls(config.model_copy(update={"backbone": str(folder / "backbone")}), classes, protocol=protocol)
        encoder.config = config  # type: ignore[assignment]
        return encoder


def load_speech(name: str, *, pretrained: bool) -> tuple[Any, Any]:
    """A network and the extractor that prepares its input, by hub name or folder, without code or pickles of theirs.

    Raises:
        WeightsError: they are neither here nor to be downloaded, or it is no speech network.
    """
    with explain_load_errors("speech", name, "set audio.backbone to its folder"):
        extractor = AutoFeatureExtractor.from_pretrained(name, trust_remote_code=False)
        settings = AutoConfig.from_pretrained(name, trust_remote_code=False)
        settings.apply_spec_augment = False  # refuses utterances shorter than its masks
        network = load_network(name, settings, pretrained=pretrained)
    if settings.is_encoder_decoder:
        network = network.get_encoder()
    if not hasattr(network, "_get_feat_extract_output_lengths"):
        raise WeightsError(
            f'"{name}" is a {settings.model_type} network, which reads no waveform: set audio.backbone to wav2vec 2.0, '
            "HuBERT, WavLM or Whisper."
        )
    return network, extractor
