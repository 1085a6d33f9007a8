"""The default audio encoder: log-mel, convolutions, a bidirectional GRU, attentive pooling; trained from scratch."""

from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmerc.encoders.encoder import Batch, Classifier, EncoderConfig, Encoding
from mmerc.encoders.mel import log_mel
from mmerc.encoders.speech import SpeechConfig, SpeechEncoder, softmax_pooled, steps_mask

HOP, WINDOW, FFT = 160, 400, 512  # 10 ms, 25 ms
LEAST = -1e4
TYPICAL, SPREAD = -6.0, 4.0  # of log-mel in speech, measured once on RAVDESS; keeps inputs near unit scale


class SpectrogramConfig(SpeechConfig):
    bands: int = Field(64, ge=16)
    channels: int = Field(128, ge=8)
    dropout: float = Field(0.3, ge=0, lt=1)
    time_mask: int = Field(40, ge=0, description="longest stretch of frames hidden in training (SpecAugment)")
    band_mask: int = Field(8, ge=0, description="most bands hidden in training")


class Spectrogram(SpeechEncoder):
    """A step of its sequence covers 40 ms."""

    Config = SpectrogramConfig
    config: SpectrogramConfig

    def __init__(self, config: EncoderConfig, classes: int) -> None:
        assert isinstance(config, SpectrogramConfig)
        super().__init__(config, classes)
        widths = (config.bands, config.channels, config.channels)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(inputs, outputs, 5, padding=2) for inputs, outputs in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths[1:])
        self.dropout = nn.Dropout(config.dropout)
        self.gru = nn.GRU(config.channels, config.channels, batch_first=True, bidirectional=True)
        self.width = 2 * config.channels
        self.score = nn.Linear(self.width, 1)
        self.emotion = Classifier(self.width, classes, dropout=config.dropout)

    def forward(self, batch: Batch) -> Encoding:
        counts = batch["samples"] // HOP + 1
        x = log_mel(batch["waveform"], bands=self.config.bands, fft=FFT, window=WINDOW, hop=HOP)  # [B, M, T]
        x = (x - TYPICAL) / SPREAD
        if self.training:
            x = self._hidden(x)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            mask = steps_mask(counts, x.shape[2])
            x = convolution(x * mask[:, None])  # what lies behind an utterance's end is zero at every layer
            x = F.gelu(norm(x.transpose(1, 2))).transpose(1, 2)
            x = x.masked_fill(~mask[:, None], LEAST)  # so that the end's neighbour never wins the maximum
            x = F.max_pool1d(x, 2, ceil_mode=True)  # [B, d, T / 2]
            counts = (counts + 1) // 2
        sequence, mask = self._recur(self.dropout(x.transpose(1, 2)), counts)
        pooled = softmax_pooled(sequence, self.score(sequence)[..., 0], mask)
        return Encoding(sequence, mask, self.emotion(pooled))

    def _recur(self, x: Float[Tensor, "B T c"], counts: Tensor) -> tuple[Float[Tensor, "B T d"], Bool[Tensor, "B T"]]:
        packed = pack_padded_sequence(x, counts.cpu(), batch_first=True, enforce_sorted=False)
        sequence, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=x.shape[1])
        return sequence, steps_mask(counts, x.shape[1])

    def _hidden(self, x: Float[Tensor, "B M T"]) -> Float[Tensor, "B M T"]:
        """SpecAugment (Park et al. 2019): one stretch of time and one of bands set to the typical value."""
        for axis, most in ((1, self.config.band_mask), (2, self.config.time_mask)):
            size = x.shape[axis]
            length = torch.randint(0, min(most, size // 4) + 1, (len(x), 1), device=x.device)
            start = (torch.rand(len(x), 1, device=x.device) * (size - length)).long()
            place = torch.arange(size, device=x.device)[None]
            hidden = (place >= start) & (place < start + length)  # [B, size]
            x = x.masked_fill(hidden[:, None] if axis == 2 else hidden[:, :, None], 0.0)
        return x
