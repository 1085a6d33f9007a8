"""Pre-trained speech networks of transformers: load one, and compute the outputs of its layers for a waveform of any length."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoFeatureExtractor

from mmerc import weights
from mmerc.encoders.pretrained import explain_load_errors, load_network
from mmerc.errors import WeightsError
from mmerc.hardware import autocast_bf16
from mmerc.media import SAMPLE_RATE
from mmerc.weights.networks import ENCODER

MIN_SAMPLES = SAMPLE_RATE // 20  # what the convolutions of these networks need is less; a shorter waveform is padded


class SpeechNetwork(nn.Module):
    """The encoder of Whisper, or a wav2vec 2.0, HuBERT or WavLM, with the extractor that prepares its input.

    It reads one waveform at a time, without padding: a result does not depend on other utterances, and no step is computed
    for silence that is not there.
    """

    def __init__(self, backbone: Any, extractor: Any, *, bf16: bool) -> None:
        super().__init__()
        self.backbone, self.extractor, self.bf16 = backbone, extractor, bf16
        self.width = int(backbone.config.hidden_size)
        self.num_outputs = int(backbone.config.num_hidden_layers) + 1  # the input of the first layer is one, too

    def forward(self, waveform: Float[np.ndarray, " S"]) -> Float[Tensor, "T K d"]:
        """The input of the first layer and the outputs of the layers; T is the number of steps, K of the layers plus 1."""
        waveform = np.pad(waveform, (0, max(0, MIN_SAMPLES - len(waveform))))
        inputs = self.extractor(waveform, sampling_rate=SAMPLE_RATE, return_tensors="pt", padding="longest")
        values = inputs[self.extractor.model_input_names[0]].to(next(self.backbone.parameters()).device)
        with autocast_bf16(values.device, enabled=self.bf16):
            if is_whisper(self.backbone.config):
                states = run_whisper(self.backbone, values)
            else:
                states = self.backbone(values, output_hidden_states=True).hidden_states
        return torch.stack([state[0].float() for state in states], 1)

    def freeze(self, unfreeze_layers: int) -> None:
        """Freeze all layers but the last `unfreeze_layers`."""
        self.requires_grad_(False)
        layers = self.backbone.layers if is_whisper(self.backbone.config) else self.backbone.encoder.layers
        for layer in list(layers)[len(layers) - unfreeze_layers :]:
            layer.requires_grad_(True)

    def save(self, folder: Path) -> None:
        """Write the configurations of the backbone and of the extractor to a folder. The weights are saved by the encoder."""
        self.backbone.config.save_pretrained(folder)
        self.extractor.save_pretrained(folder)


def run_whisper(encoder: Any, spectrogram: Float[Tensor, "B M F"]) -> list[Float[Tensor, "B T d"]]:
    """The states of Whisper's encoder for a spectrogram of any length; T = F / 2, rounded up.

    The `forward` of transformers accepts only 30 s. The network itself has a position for each step and no other length.
    """
    hidden = F.gelu(encoder.conv2(F.gelu(encoder.conv1(spectrogram)))).transpose(1, 2)  # [B, T, d]
    hidden = hidden + encoder.embed_positions.weight[: hidden.shape[1]]
    states = [hidden]
    for layer in encoder.layers:
        output = layer(states[-1], None)
        states.append(output[0] if isinstance(output, tuple) else output)
    return states


def is_whisper(settings: Any) -> bool:
    return bool(settings.model_type == "whisper")


def load_speech_network(
    name: str, *, num_layers: int | None = None, pretrained: bool = True, bf16: bool = True
) -> SpeechNetwork:
    """Load a speech network and its extractor by hub name or folder. No code and no pickle of them is run.

    `name`: also `whisper-base`, which `mmerc weights fetch` puts on this machine. `num_layers`: keep the first layers only.

    Raises:
        WeightsError: the network cannot be found or downloaded, has fewer layers, or does not read waveforms.
    """
    folder = str(weights.find_folder(name) / ENCODER) if name == "whisper-base" else name
    with explain_load_errors("speech", name, "set backbone to its folder"):
        extractor = AutoFeatureExtractor.from_pretrained(folder, trust_remote_code=False)
        settings = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        settings.apply_spec_augment = False  # it fails on utterances that are shorter than its masks
        if num_layers is not None:
            if num_layers > settings.num_hidden_layers:
                raise WeightsError(
                    f'"{name}" has {settings.num_hidden_layers} layers: set num_layers to {settings.num_hidden_layers} or less.'
                )
            settings.num_hidden_layers = num_layers
        network = load_network(folder, settings, pretrained=pretrained)
    if settings.is_encoder_decoder:
        network = network.get_encoder()
    if not hasattr(network, "_get_feat_extract_output_lengths"):
        raise WeightsError(
            f'"{name}" is a {settings.model_type} network, which reads no waveform: set backbone to wav2vec 2.0, '
            "HuBERT, WavLM or Whisper."
        )
    return SpeechNetwork(network, extractor, bf16=bf16)
