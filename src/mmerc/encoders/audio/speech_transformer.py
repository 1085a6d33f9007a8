"""Pre-trained speech networks of transformers as audio encoder: wav2vec 2.0, HuBERT, WavLM, Whisper's encoder."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from torch import nn
from transformers import AutoConfig, AutoFeatureExtractor

from mmerc.config import Protocol
from mmerc.encoders.audio.base import SpeechConfig, SpeechEncoder
from mmerc.encoders.audio.pooling import make_padding_mask, pool_mean
from mmerc.encoders.base import Batch, Classifier, Encoder, EncoderConfig, Encoding, Example
from mmerc.encoders.pretrained import explain_load_errors, load_network
from mmerc.errors import WeightsError
from mmerc.media import SAMPLE_RATE


class SpeechTransformerConfig(SpeechConfig):
    """Settings of a pre-trained speech network."""

    backbone: str = Field(description="hub name or folder of a speech network with safetensors weights")
    frozen: bool = Field(False, description="freeze the backbone and train only the pooling and the classifier")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout probability in the classifier")


class SpeechTransformer(SpeechEncoder):
    """The last hidden states of the backbone, and a classifier on their attentive mean."""

    Config = SpeechTransformerConfig
    config: SpeechTransformerConfig

    def __init__(self, config: EncoderConfig, num_classes: int, *, protocol: Protocol = "offline") -> None:
        assert isinstance(config, SpeechTransformerConfig)
        super().__init__(config, num_classes, protocol=protocol)
        self.backbone, self.extractor = load_speech_network(config.backbone, pretrained=config.pretrained)
        if config.frozen:
            self.backbone.requires_grad_(False)
        self.width = int(self.backbone.config.hidden_size)
        self.attention = nn.Linear(self.width, 1)
        self.emotion = Classifier(self.width, num_classes, dropout=config.dropout)
        self.train()

    def train(self, mode: bool = True) -> "SpeechTransformer":
        super().train(mode)
        if self.config.frozen:
            self.backbone.eval()  # a frozen backbone uses no dropout
        return self

    def collate(self, examples: Sequence[Example], rng: random.Random | None = None) -> Batch:
        """`input` as the backbone's own extractor prepares it, and `samples` [B], the number of real samples.

        `attention` is the backbone's padding mask, if it reads one.
        """
        waveforms = self.read_waveforms(examples, rng)
        # Whisper's extractor always pads to 30 s; the others pad to the longest waveform of the batch.
        padding = "max_length" if self._reads_spectrograms else True
        inputs = self.extractor(waveforms, sampling_rate=SAMPLE_RATE, return_tensors="pt", padding=padding)
        batch = {
            "input": inputs[self.extractor.model_input_names[0]],
            "samples": torch.tensor([len(waveform) for waveform in waveforms]),
        }
        if "attention_mask" in inputs and not self._reads_spectrograms:
            batch["attention"] = inputs["attention_mask"]
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
        lengths = self.backbone._get_feat_extract_output_lengths(lengths).clamp(1, sequence.shape[1])  # [B], steps
        mask = make_padding_mask(lengths, sequence.shape[1])
        sequence = sequence * mask[..., None]
        pooled = pool_mean(sequence, self.attention(sequence)[..., 0], mask)  # [B, d]
        return Encoding(sequence, mask, self.emotion(pooled))

    def save(self, folder: Path) -> None:
        super().save(folder)
        self.backbone.config.save_pretrained(folder / "backbone")
        self.extractor.save_pretrained(folder / "backbone")

    @classmethod
    def _rebuild(
        cls, folder: Path, config: EncoderConfig, num_classes: int, *, protocol: Protocol = "offline"
    ) -> Encoder:
        saved = config.model_copy(update={"backbone": str(folder / "backbone")})
        encoder = cls(saved, num_classes, protocol=protocol)
        encoder.config = config  # type: ignore[assignment]
        return encoder


def load_speech_network(name: str, *, pretrained: bool) -> tuple[Any, Any]:
    """Load a speech network and its feature extractor by hub name or folder. No code and no pickle of them is run.

    Raises:
        WeightsError: the network cannot be found or downloaded, or it does not read waveforms.
    """
    with explain_load_errors("speech", name, "set backbone to its folder"):
        extractor = AutoFeatureExtractor.from_pretrained(name, trust_remote_code=False)
        settings = AutoConfig.from_pretrained(name, trust_remote_code=False)
        settings.apply_spec_augment = False  # it fails on utterances that are shorter than its masks
        network = load_network(name, settings, pretrained=pretrained)
    if settings.is_encoder_decoder:
        network = network.get_encoder()
    if not hasattr(network, "_get_feat_extract_output_lengths"):
        raise WeightsError(
            f'"{name}" is a {settings.model_type} network, which reads no waveform: set backbone to wav2vec 2.0, '
            "HuBERT, WavLM or Whisper."
        )
    return network, extractor
