"""The default audio encoder: log-mel with deltas, convolutions over bands and time, a bidirectional GRU, attentive
pooling; trained from scratch.

Nothing of it depends on how loud a recording is, nor on what lies behind an utterance's end.
"""

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmerc.config import Protocol
from mmerc.encoders.audio.base import SpeechConfig, SpeechEncoder, attended_statistics, steps_mask
from mmerc.encoders.audio.mel import log_mel
from mmerc.encoders.base import Batch, Classifier, EncoderConfig, Encoding
from mmerc.hardware import bf16

HOP, WINDOW, FFT = 320, 640, 1024  # 20 ms; 40 ms, long enough to tell the harmonics of a voice apart
TYPICAL, SPREAD = -6.0, 4.0  # of log-mel in speech, measured once on RAVDESS; keeps inputs near unit scale
Level = Literal["none", "utterance", "band"]


class SpectrogramConfig(SpeechConfig):
    """Settings of the spectrogram network."""

    bands: int = Field(64, ge=16, multiple_of=16, description="mel bands")
    channels: int = Field(32, ge=4, description="of the first convolution; the last has four times as many")
    hidden: int = Field(128, ge=4, description="of the GRU, in each direction")
    level: Level = Field(
        "utterance",
        description="what is taken off the log-mel values: nothing, the utterance's mean (its loudness), or the mean of each band (also the colour of voice and microphone)",
    )
    dropout: float = Field(0.3, ge=0, lt=1, description="before the GRU and the classifier")
    time_mask: int = Field(20, ge=0, description="longest stretch of frames hidden in training (SpecAugment)")
    band_mask: int = Field(8, ge=0, description="most bands hidden in training")
    masks: int = Field(2, ge=0, description="how many of each")
    bf16: bool = Field(True, description="bfloat16 in the convolutions where the processor computes in it")


class Spectrogram(SpeechEncoder):
    """A step of its sequence covers 40 ms."""

    Config = SpectrogramConfig
    config: SpectrogramConfig

    def __init__(self, config: EncoderConfig, classes: int, *, protocol: Protocol = "offline") -> None:
        assert isinstance(config, SpectrogramConfig)
        super().__init__(config, classes, protocol=protocol)
        widths = (3, config.channels, 2 * config.channels, 3 * config.channels, 4 * config.channels)
        self.stages = nn.ModuleList(
            Stage(inputs, outputs, frames=2 if number == 1 else 1)
            for number, (inputs, outputs) in enumerate(pairwise(widths))
        )
        self.narrow = nn.Linear(widths[-1] * (config.bands // 16), config.hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.gru = nn.GRU(config.hidden, config.hidden, bidirectional=True)
        self.width = 2 * config.hidden
        self.score = nn.Sequential(nn.Linear(self.width, config.hidden), nn.Tanh(), nn.Linear(config.hidden, 1))
        self.emotion = Classifier(2 * self.width, classes, hidden_size=config.hidden, dropout=config.dropout)

    def forward(self, batch: Batch) -> Encoding:
        counts = batch["samples"] // HOP + 1
        x = log_mel(batch["waveform"], bands=self.config.bands, fft=FFT, window=WINDOW, hop=HOP)  # [B, M, T]
        x = levelled(x, steps_mask(counts, x.shape[2]), self.config.level) / SPREAD
        x = with_deltas(x, steps_mask(counts, x.shape[2]))  # [B, 3, M, T]
        if self.training:
            x = self._hidden(x)
        with bf16(x.device, wanted=self.config.bf16):
            x = x.to(memory_format=torch.channels_last)
            for stage in self.stages:
                x, counts = stage(x, counts)
            x = self.narrow(x.permute(0, 3, 1, 2).flatten(2))  # [B, 4 c, M / 16, T / 2] -> [B, T / 2, d]
        sequence, mask = self._recur(self.dropout(F.relu(x.float())), counts)
        pooled = attended_statistics(sequence, self.score(sequence)[..., 0], mask)  # [B, 4 d]
        return Encoding(sequence, mask, self.emotion(pooled))

    def _recur(self, x: Float[Tensor, "B T c"], counts: Tensor) -> tuple[Float[Tensor, "B T d"], Bool[Tensor, "B T"]]:
        packed = pack_padded_sequence(x, counts.cpu(), batch_first=True, enforce_sorted=False)
        sequence, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=x.shape[1])
        return sequence, steps_mask(counts, x.shape[1])

    def _hidden(self, x: Float[Tensor, "B 3 M T"]) -> Float[Tensor, "B 3 M T"]:
        """SpecAugment (Park et al. 2019): stretches of time and of bands set to nothing."""
        for axis, most in ((2, self.config.band_mask), (3, self.config.time_mask)) * self.config.masks:
            size = x.shape[axis]
            length = torch.randint(0, min(most, size // 4) + 1, (len(x), 1), device=x.device)
            start = (torch.rand(len(x), 1, device=x.device) * (size - length)).long()
            place = torch.arange(size, device=x.device)[None]
            hidden = (place >= start) & (place < start + length)  # [B, size]
            x = x.masked_fill(hidden[:, None, None] if axis == 3 else hidden[:, None, :, None], 0.0)
        return x


class Stage(nn.Module):
    """One convolution over bands and time, halving the bands, and the frames if `frames` is 2."""

    def __init__(self, inputs: int, outputs: int, *, frames: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.frames = frames

    def forward(self, x: Float[Tensor, "B i M T"], counts: Tensor) -> tuple[Float[Tensor, "B o m t"], Tensor]:
        # Zero behind the end, before each convolution and, as nothing here is below zero, before each maximum.
        x = F.relu(self.norm(self.convolution(x))) * steps_mask(counts, x.shape[3])[:, None, None]
        x = F.max_pool2d(x, (2, self.frames), ceil_mode=True)
        return x, (counts + self.frames - 1) // self.frames


def levelled(x: Float[Tensor, "B M T"], mask: Bool[Tensor, "B T"], level: Level) -> Float[Tensor, "B M T"]:
    """Log-mel values without their mean over the real frames (and the bands); zeros behind the end."""
    real = mask[:, None].to(x.dtype)
    mean = (x * real).sum(2, keepdim=True) / real.sum(2, keepdim=True)  # [B, M, 1]
    if level == "utterance":
        mean = mean.mean(1, keepdim=True)
    elif level == "none":
        mean = torch.full_like(mean, TYPICAL)
    return (x - mean) * real


def with_deltas(x: Float[Tensor, "B M T"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B 3 M T"]:
    """The values, their slope over five frames (40 ms either way), and the slope's slope."""
    slopes = [x]
    for _ in range(2):
        before = F.pad(slopes[-1], (2, 2))
        slope = 0.2 * (before[..., 4:] - before[..., :-4]) + 0.1 * (before[..., 3:-1] - before[..., 1:-3])
        slopes.append(slope * mask[:, None])
    return torch.stack([slopes[0], 4 * slopes[1], 8 * slopes[2]], 1)  # brought to about the same scale
