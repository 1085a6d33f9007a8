"""The default audio encoder, trained from random initialisation.

Log-mel spectrogram with deltas -> convolutions over frequency and time -> bidirectional GRU -> attentive pooling.
The output does not depend on the padding of the batch and, with the default `normalization`, not on the loudness.
"""

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.config import Protocol
from mmerc.encoders.audio.base import SpeechConfig, SpeechEncoder
from mmerc.encoders.audio.mel import compute_log_mel
from mmerc.encoders.audio.pooling import compute_attention, make_padding_mask, pool_statistics
from mmerc.encoders.base import Batch, Classifier, EncoderConfig, Encoding
from mmerc.hardware import autocast_bf16
from mmerc.recurrent import run_gru

HOP_LENGTH, WIN_LENGTH, N_FFT = 320, 640, 1024  # 20 ms; 40 ms, which resolves the harmonics of a voice
SPEECH_MEAN, SPEECH_STD = (
    -6.0,
    4.0,
)  # of the log-mel values of RAVDESS, measured once; they bring the input to unit scale
Normalization = Literal["none", "utterance", "band"]


class SpectrogramConfig(SpeechConfig):
    """Settings of the spectrogram encoder."""

    n_mels: int = Field(64, ge=16, multiple_of=16, description="number of mel bands, a multiple of 16")
    conv_channels: int = Field(
        32, ge=4, description="channels of the first convolution; the fourth and last has four times as many"
    )
    hidden_size: int = Field(128, ge=4, description="units of the GRU in each direction")
    normalization: Normalization = Field(
        "utterance",
        description="mean that is subtracted from the log-mel values: none, the mean of the utterance (removes the "
        "loudness), or the mean of each band (also removes the timbre of the voice and the frequency response of the microphone)",
    )
    dropout: float = Field(0.3, ge=0, lt=1, description="dropout probability before the GRU and in the classifier")
    max_time_mask: int = Field(
        20, ge=0, description="largest number of successive frames that SpecAugment masks in training, 20 ms each"
    )
    max_freq_mask: int = Field(
        8, ge=0, description="largest number of neighbouring mel bands that SpecAugment masks in training"
    )
    num_masks: int = Field(2, ge=0, description="number of time masks and of frequency masks for each utterance")
    bf16: bool = Field(True, description="use bfloat16 in the convolutions if the hardware supports it")


class Spectrogram(SpeechEncoder):
    """The spectrogram encoder. One step of its sequence is 40 ms."""

    Config = SpectrogramConfig
    config: SpectrogramConfig

    def __init__(self, config: EncoderConfig, num_classes: int, *, protocol: Protocol = "offline") -> None:
        assert isinstance(config, SpectrogramConfig)
        super().__init__(config, num_classes, protocol=protocol)
        widths = (3, *(config.conv_channels * factor for factor in (1, 2, 3, 4)))
        self.stages = nn.ModuleList(
            Stage(inputs, outputs, time_stride=2 if number == 1 else 1)
            for number, (inputs, outputs) in enumerate(pairwise(widths))
        )
        self.projection = nn.Linear(widths[-1] * (config.n_mels // 16), config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)
        self.gru = nn.GRU(config.hidden_size, config.hidden_size, bidirectional=True)
        self.width = 2 * config.hidden_size
        self.attention = nn.Sequential(
            nn.Linear(self.width, config.hidden_size), nn.Tanh(), nn.Linear(config.hidden_size, 1)
        )
        self.emotion = Classifier(2 * self.width, num_classes, hidden_size=config.hidden_size, dropout=config.dropout)

    def forward(self, batch: Batch) -> Encoding:
        lengths = batch["samples"] // HOP_LENGTH + 1  # [B], frames
        x = compute_log_mel(
            batch["waveform"], n_mels=self.config.n_mels, n_fft=N_FFT, win_length=WIN_LENGTH, hop_length=HOP_LENGTH
        )  # [B, M, T]
        mask = make_padding_mask(lengths, x.shape[2])  # [B, T]
        x = add_deltas(normalize_log_mel(x, mask, self.config.normalization) / SPEECH_STD, mask)  # [B, 3, M, T]
        if self.training:
            config = self.config
            x = mask_spectrogram(x, config.max_time_mask, config.max_freq_mask, config.num_masks)
        with autocast_bf16(x.device, enabled=self.config.bf16):
            x = x.to(memory_format=torch.channels_last)
            for stage in self.stages:
                x, lengths = stage(x, lengths)
            x = self.projection(x.permute(0, 3, 1, 2).flatten(2))  # [B, 4 c, M / 16, T / 2] -> [B, T / 2, d]
        sequence, _ = run_gru(self.gru, self.dropout(F.relu(x.float())), lengths)  # [B, T / 2, 2 d]
        mask = make_padding_mask(lengths, sequence.shape[1])
        weights = compute_attention(self.attention(sequence)[..., 0], mask)[..., None]  # [B, T / 2, 1]
        pooled = pool_statistics(sequence, lambda steps: (weights * steps).sum(1))  # [B, 4 d]
        return Encoding(sequence, mask, self.emotion(pooled))


class Stage(nn.Module):
    """A convolution over frequency and time, then pooling by 2 in frequency and by `time_stride` in time."""

    def __init__(self, inputs: int, outputs: int, *, time_stride: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.time_stride = time_stride

    def forward(self, x: Float[Tensor, "B i M T"], lengths: Tensor) -> tuple[Float[Tensor, "B o m t"], Tensor]:
        # Padding is set to zero so that the next convolution and the pooling do not read it (ReLU gives no value below 0).
        x = F.relu(self.norm(self.convolution(x))) * make_padding_mask(lengths, x.shape[3])[:, None, None]
        x = F.max_pool2d(x, (2, self.time_stride), ceil_mode=True)
        return x, (lengths + self.time_stride - 1) // self.time_stride


def normalize_log_mel(
    x: Float[Tensor, "B M T"], mask: Bool[Tensor, "B T"], normalization: Normalization
) -> Float[Tensor, "B M T"]:
    """Subtract a mean over the real frames, as `SpectrogramConfig.normalization` says; set the padding to 0.

    With "none" the constant SPEECH_MEAN is subtracted.
    """
    real = mask[:, None].to(x.dtype)
    mean = (x * real).sum(2, keepdim=True) / real.sum(2, keepdim=True)  # [B, M, 1]
    if normalization == "utterance":
        mean = mean.mean(1, keepdim=True)
    elif normalization == "none":
        mean = torch.full_like(mean, SPEECH_MEAN)
    return (x - mean) * real


def add_deltas(x: Float[Tensor, "B M T"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B 3 M T"]:
    """Stack the values with their deltas (slopes over five frames, 40 ms on each side) and the deltas of the deltas."""
    channels = [x]
    for _ in range(2):
        values = F.pad(channels[-1], (2, 2))
        delta = 0.2 * (values[..., 4:] - values[..., :-4]) + 0.1 * (values[..., 3:-1] - values[..., 1:-3])
        channels.append(delta * mask[:, None])
    return torch.stack(
        [channels[0], 4 * channels[1], 8 * channels[2]], 1
    )  # factors: about the same scale for all three


def mask_spectrogram(
    x: Float[Tensor, "B 3 M T"], max_time_mask: int, max_freq_mask: int, num_masks: int
) -> Float[Tensor, "B 3 M T"]:
    """Set random bands and random frames to 0 (SpecAugment, Park et al. 2019); at most a quarter of the axis for each mask."""
    for axis, max_length in ((2, max_freq_mask), (3, max_time_mask)) * num_masks:
        size = x.shape[axis]
        length = torch.randint(0, min(max_length, size // 4) + 1, (len(x), 1), device=x.device)
        start = (torch.rand(len(x), 1, device=x.device) * (size - length)).long()
        index = torch.arange(size, device=x.device)[None]
        masked = (index >= start) & (index < start + length)  # [B, size]
        x = x.masked_fill(masked[:, None, None] if axis == 3 else masked[:, None, :, None], 0.0)
    return x
