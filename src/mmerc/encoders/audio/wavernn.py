"""The paper's audio model: WaveRNN (Kalchbrenner et al. 2018) on waveform and log-mel, and a classifier (4.1.2).

`WaveRnn` has torchaudio's parameter names, shapes and arithmetic, so that its LJSpeech checkpoint loads strictly
into a network of that checkpoint's configuration. That one (80 bands, hop 275) is not the paper's (hop 200): into
the paper's network the tensors whose shapes agree are taken over, the two GRUs and all that follows them.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from mmerc import weights
from mmerc.config import Protocol
from mmerc.encoders.audio.base import SpeechConfig, SpeechEncoder, steps_mask
from mmerc.encoders.audio.mel import log_mel
from mmerc.encoders.base import Batch, Classifier, EncoderConfig, Encoding, masked_mean
from mmerc.hardware import computes_bf16

REACH = 2  # frames that smoothing looks to either side, rounded up: 1 + 1/5 + 1/25 at the scales in use
HOPS_AT_ONCE = 8  # 1,600 samples
WINDOWS_AT_ONCE = 64  # a step's matrices are read from memory once for all of them
EVERY = 2**30
LJSPEECH: dict[str, Any] = {"upsample_scales": (5, 5, 11), "bands": 80}  # and its own defaults for the rest


class Stretch(nn.Module):
    """Repeats each step of the last axis."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x.repeat_interleave(self.scale, -1)


class ResidualBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.resblock_model = nn.Sequential(
            nn.Conv1d(width, width, 1, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, width, 1, bias=False),
            nn.BatchNorm1d(width),
        )

    def forward(self, x: Float[Tensor, "B d T"]) -> Float[Tensor, "B d T"]:
        return self.resblock_model(x) + x


class MelResNet(nn.Module):
    """Looks at `kernel` frames at a time; gives T - kernel + 1 steps."""

    def __init__(self, blocks: int, bands: int, hidden: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.melresnet_model = nn.Sequential(
            nn.Conv1d(bands, hidden, kernel, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            *(ResidualBlock(hidden) for _ in range(blocks)),
            nn.Conv1d(hidden, outputs, 1),
        )

    def forward(self, x: Float[Tensor, "B M T"]) -> Float[Tensor, "B a t"]:
        return self.melresnet_model(x)


class Upsampling(nn.Module):
    """From frames to samples: the spectrogram smoothed, beside the residual network's steps, one a hop."""

    def __init__(self, scales: Sequence[int], blocks: int, bands: int, hidden: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.hop = math.prod(scales)
        self.context = (kernel - 1) // 2  # frames on either side of the first and the last hop
        self.resnet = MelResNet(blocks, bands, hidden, outputs, kernel)
        layers: list[nn.Module] = []
        for scale in scales:
            smoothing = nn.Conv2d(1, 1, (1, 2 * scale + 1), padding=(0, scale), bias=False)
            nn.init.constant_(smoothing.weight, 1 / (2 * scale + 1))
            layers += [Stretch(scale), smoothing]
        self.upsample_layers = nn.Sequential(*layers)

    def smooth(self, x: Float[Tensor, "B M T"], start: int, end: int) -> Float[Tensor, "B M s"]:
        """The spectrogram at the samples of hops `start` to `end`."""
        first = start + self.context  # the frame in the middle of hop `start`
        low, high = max(0, first - REACH), min(x.shape[2], end + self.context + REACH)
        cut = (first - low) * self.hop
        return self.upsample_layers(x[:, None, :, low:high])[:, 0, :, cut : cut + (end - start) * self.hop]


class WaveRnn(nn.Module):
    """The network. `classes` is the number of amplitude levels of its last layer, which no emotion needs."""

    def __init__(
        self,
        *,
        upsample_scales: Sequence[int] = (5, 5, 8),
        classes: int = 256,
        blocks: int = 10,
        rnn: int = 512,
        fc: int = 512,
        kernel: int = 5,
        bands: int = 128,
        hidden: int = 128,
        outputs: int = 128,
    ) -> None:
        super().__init__()
        self.kernel, self.hop, self.auxiliary = kernel, math.prod(upsample_scales), outputs // 4
        self.upsample = Upsampling(upsample_scales, blocks, bands, hidden, outputs, kernel)
        self.fc = nn.Linear(bands + self.auxiliary + 1, rnn)
        self.rnn1 = nn.GRU(rnn, rnn, batch_first=True)
        self.rnn2 = nn.GRU(rnn + self.auxiliary, rnn, batch_first=True)
        self.fc1 = nn.Linear(rnn + self.auxiliary, fc)
        self.fc2 = nn.Linear(fc + self.auxiliary, fc)
        self.fc3 = nn.Linear(fc, classes)

    def features(self, waveform: Float[Tensor, "B 1 S"], specgram: Float[Tensor, "B 1 M T"]) -> Float[Tensor, "B S f"]:
        """What stands before the last fully connected layer: S = (T - kernel + 1) * hop vectors."""
        steps = self.upsample.resnet(specgram[:, 0])
        smooth = self.upsample.smooth(specgram[:, 0], 0, steps.shape[2])
        return self._sampled(waveform[:, 0], smooth, steps, None, None)[0].transpose(0, 1)

    def forward(
        self, waveform: Float[Tensor, "B 1 S"], specgram: Float[Tensor, "B 1 M T"]
    ) -> Float[Tensor, "B 1 S classes"]:
        return self.fc3(self.features(waveform, specgram))[:, None]

    def hop_means(
        self,
        waveform: Float[Tensor, "B 1 S"],
        specgram: Float[Tensor, "B 1 M T"],
        *,
        at_once: int,
        bf16: bool = False,
        truncated: bool = False,
    ) -> Float[Tensor, "B H f"]:
        """The mean of `features` over each hop, H = S / hop, of which no more than `at_once` hops are ever in memory.

        The GRUs' states go on from stretch to stretch, so the numbers are those of `features`. In training, what lies
        within a stretch is computed once more on the way back. `bf16` computes in bfloat16, its weights stay float32.
        `truncated` back-propagation ends where a stretch begins.
        """
        steps = self.upsample.resnet(specgram[:, 0])  # [B, a, H]
        means: list[Tensor] = []
        first = second = None  # states of the GRUs, [1, B, r]
        for start in range(0, steps.shape[2], at_once):
            end = min(start + at_once, steps.shape[2])
            arguments = (waveform[:, 0], specgram[:, 0], steps, first, second, start, end, bf16)
            if torch.is_grad_enabled():
                mean, first, second = checkpoint(self._stretch, *arguments, use_reentrant=False)
                if truncated:
                    first, second = first.detach(), second.detach()
            else:
                mean, first, second = self._stretch(*arguments)
            means.append(mean)
        return torch.cat(means, 1)

    def _stretch(
        self,
        waveform: Float[Tensor, "B S"],
        specgram: Float[Tensor, "B M T"],
        steps: Float[Tensor, "B a H"],
        first: Float[Tensor, "1 B r"] | None,
        second: Float[Tensor, "1 B r"] | None,
        start: int,
        end: int,
        bf16: bool,
    ) -> tuple[Float[Tensor, "B h f"], Float[Tensor, "1 B r"], Float[Tensor, "1 B r"]]:
        """Hop means of hops `start` to `end`, and the states at their end."""
        smooth = self.upsample.smooth(specgram, start, end)
        sound = waveform[:, start * self.hop : end * self.hop]
        x, first, second = self._sampled(sound, smooth, steps[:, :, start:end], first, second, bf16=bf16)
        return x.unflatten(0, (end - start, self.hop)).float().mean(1).transpose(0, 1), first, second

    def _sampled(
        self,
        waveform: Float[Tensor, "B s"],
        smooth: Float[Tensor, "B M s"],
        steps: Float[Tensor, "B a h"],
        first: Float[Tensor, "1 B r"] | None,
        second: Float[Tensor, "1 B r"] | None,
        *,
        bf16: bool = False,
    ) -> tuple[Float[Tensor, "s B f"], Float[Tensor, "1 B r"], Float[Tensor, "1 B r"]]:
        """A vector for each sample from the states `first` and `second` on, and the states after the last one.

        Time comes first in memory, as the GRUs read it: the other way round, their input costs more than all the rest.
        """
        kind = torch.bfloat16 if bf16 else waveform.dtype
        parts = steps.permute(2, 0, 1).to(kind).repeat_interleave(self.hop, 0).split(self.auxiliary, 2)  # [s, B, a / 4]
        x = torch.cat([waveform.T[..., None].to(kind), smooth.permute(2, 0, 1).to(kind), parts[0]], -1)
        x = _typed(self.fc, x)  # [s, B, r]
        recurred, first = _typed(self.rnn1, x.transpose(0, 1), first)
        x = recurred.transpose(0, 1) + x
        recurred, second = _typed(self.rnn2, torch.cat([x, parts[1]], -1).transpose(0, 1), second)
        x = recurred.transpose(0, 1) + x
        x = F.relu(_typed(self.fc1, torch.cat([x, parts[2]], -1)))
        return F.relu(_typed(self.fc2, torch.cat([x, parts[3]], -1))), first, second


def _typed(layer: nn.Module, x: Tensor, *state: Tensor | None) -> Any:
    """The layer in the type of its input; gradients reach its own weights."""
    if x.dtype == next(layer.parameters()).dtype:
        return layer(x, *state)
    weights_then = {name: value.to(x.dtype) for name, value in layer.named_parameters()}
    return functional_call(layer, weights_then, (x, *state))


class WaveRnnConfig(SpeechConfig):
    """The paper's network, or a smaller one of its kind."""

    n_time: int = Field(
        240, ge=8, description="frames of a window, of which kernel - 1 are context; 240 are 47,200 samples, 2.95 s"
    )
    kernel: int = Field(5, ge=3, description="frames that the first convolution looks at; odd")
    upsample_scales: tuple[int, ...] = Field(
        (5, 5, 8), description="factors whose product is the hop between two frames, in samples"
    )
    bands: int = Field(128, ge=8, description="mel bands")
    rnn: int = Field(512, ge=4, description="units of each recurrent layer")
    blocks: int = Field(10, ge=1, description="residual blocks")
    hidden: int = Field(128, ge=4, description="channels of those blocks")
    train_hops: int = Field(
        0, ge=0, description="hops of the random stretch that training looks at; 0: everything, as the paper"
    )
    truncated: bool = Field(False, description="back-propagate through 8 hops at a time")
    bf16: bool = Field(True, description="bfloat16 in the recurrent layers where the processor computes in it")
    fft: int = Field(1024, description="samples of the Fourier transform")
    window: int = Field(800, description="samples of its window")

    @model_validator(mode="after")
    def _odd(self) -> "WaveRnnConfig":
        if self.kernel % 2 == 0:
            raise ValueError("kernel must be odd, so that each hop has a frame in its middle")
        return self


class WaveRnnEncoder(SpeechEncoder):
    """WaveRNN's features, averaged over each hop, window after window; their mean goes to the classifier."""

    Config = WaveRnnConfig
    traceable = False  # its stretches of time and groups of windows are loops of Python
    config: WaveRnnConfig

    def __init__(self, config: EncoderConfig, classes: int, *, protocol: Protocol = "offline") -> None:
        assert isinstance(config, WaveRnnConfig)
        super().__init__(config, classes, protocol=protocol)
        self.network = WaveRnn(
            upsample_scales=config.upsample_scales,
            blocks=config.blocks,
            rnn=config.rnn,
            fc=config.rnn,
            kernel=config.kernel,
            bands=config.bands,
            hidden=config.hidden,
            outputs=config.hidden,
        )
        if config.pretrained:
            weights.fill_matching(self.network, weights.load("wavernn-ljspeech"))
        self.network.fc3.requires_grad_(False)  # kept for the checkpoint's sake; nothing here reads it
        self.hop = self.network.hop
        self.window = config.n_time - config.kernel + 1  # hops
        self.width = config.rnn
        self.emotion = Classifier(config.rnn, classes)

    def forward(self, batch: Batch) -> Encoding:
        waveform, samples = batch["waveform"], batch["samples"]
        hops = (samples + self.hop - 1) // self.hop  # [B]
        waveform = F.pad(waveform, (0, int(hops.max()) * self.hop - waveform.shape[1]))
        if self.training and self.config.train_hops:
            waveform, hops = self._stretch(waveform, hops)
        sequence = self.windows(waveform, hops)
        mask = steps_mask(hops, sequence.shape[1])
        sequence = sequence * mask[..., None]
        return Encoding(sequence, mask, self.emotion(masked_mean(sequence, mask)))

    def windows(self, waveform: Float[Tensor, "B S"], hops: Tensor) -> Float[Tensor, "B T f"]:
        """Hop means of all windows in one batch; windows that lie wholly behind an utterance's end are left out."""
        count, total = len(waveform), waveform.shape[1] // self.hop
        length = min(self.window, total)
        pieces = -(-total // length)
        waveform = F.pad(waveform, (0, (pieces * length - total) * self.hop))
        frames = self._frames(waveform)  # [B, M, pieces * length + kernel - 1]
        sound = waveform.reshape(count * pieces, 1, length * self.hop)
        picture = frames.unfold(2, length + self.config.kernel - 1, length)  # [B, M, pieces, frames]
        picture = picture.transpose(1, 2).flatten(0, 1)[:, None]  # [B * pieces, 1, M, frames]
        used = (torch.arange(pieces, device=hops.device)[None] * length < hops[:, None]).flatten()  # [B * pieces]
        means = sound.new_zeros(count * pieces, length, self.width)
        means[used] = torch.cat(
            [
                self.network.hop_means(
                    *part,
                    at_once=HOPS_AT_ONCE,
                    bf16=self.config.bf16 and computes_bf16(sound.device),
                    truncated=self.config.truncated,
                )
                for part in zip(*(x[used].split(self._at_once()) for x in (sound, picture)), strict=True)
            ]
        )
        return means.reshape(count, pieces * length, self.width)[:, :total]

    def _at_once(self) -> int:
        """Windows that go through together: all in training, where batch statistics are taken over them."""
        return EVERY if self.training else WINDOWS_AT_ONCE

    def _frames(self, waveform: Float[Tensor, "B S"]) -> Float[Tensor, "B M T"]:
        """The spectrogram with (kernel - 1) / 2 frames of silence on either side; frame t in the middle of hop t."""
        context = (self.config.kernel - 1) // 2
        frames = log_mel(
            F.pad(waveform, (context * self.hop, context * self.hop))[:, self.hop // 2 :],
            bands=self.config.bands,
            fft=self.config.fft,
            window=self.config.window,
            hop=self.hop,
        )
        return frames[:, :, : waveform.shape[1] // self.hop + 2 * context]

    def _stretch(self, waveform: Float[Tensor, "B S"], hops: Tensor) -> tuple[Float[Tensor, "B s"], Tensor]:
        length = min(self.config.train_hops, waveform.shape[1] // self.hop)
        latest = (hops - length).clamp(min=0)
        start = (torch.rand(len(hops), device=hops.device) * (latest + 1)).long()
        place = start[:, None] * self.hop + torch.arange(length * self.hop, device=hops.device)[None]
        return waveform.gather(1, place), (hops - start).clamp(max=length)
