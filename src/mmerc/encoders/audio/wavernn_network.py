"""WaveRNN (Kalchbrenner et al. 2018): a waveform and its log-mel spectrogram in, one vector for each sample out.

Parameter names, shapes and arithmetic are those of torchaudio's WaveRNN, so its LJSpeech checkpoint loads into a network
of the same configuration.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

SMOOTHING_REACH = 2  # frames that the smoothing reads on each side, rounded up: 1 + 1/5 + 1/25 at the usual scales
LJSPEECH: dict[str, Any] = {
    "upsample_scales": (5, 5, 11),
    "n_freq": 80,
}  # the checkpoint's settings, if not the defaults


class Repeat(nn.Module):
    """Repeat each step of the last axis `scale` times."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x.repeat_interleave(self.scale, -1)


class ResidualBlock(nn.Module):
    """Two 1x1 convolutions and a shortcut."""

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
        residual: Tensor = self.resblock_model(x)
        return residual + x


class MelResNet(nn.Module):
    """A residual network over frames. It reads `kernel_size` frames at a time: t = T - kernel_size + 1 steps."""

    def __init__(self, n_res_block: int, n_freq: int, n_hidden: int, n_output: int, kernel_size: int) -> None:
        super().__init__()
        self.melresnet_model = nn.Sequential(
            nn.Conv1d(n_freq, n_hidden, kernel_size, bias=False),
            nn.BatchNorm1d(n_hidden),
            nn.ReLU(),
            *(ResidualBlock(n_hidden) for _ in range(n_res_block)),
            nn.Conv1d(n_hidden, n_output, 1),
        )

    def forward(self, x: Float[Tensor, "B M T"]) -> Float[Tensor, "B a t"]:
        steps: Tensor = self.melresnet_model(x)
        return steps


class Upsampling(nn.Module):
    """From frames to samples: a spectrogram smoothed to the sample rate, and a residual network with one step a hop."""

    def __init__(
        self,
        upsample_scales: Sequence[int],
        n_res_block: int,
        n_freq: int,
        n_hidden: int,
        n_output: int,
        kernel_size: int,
    ) -> None:
        super().__init__()
        self.hop_length = math.prod(upsample_scales)
        self.context = (kernel_size - 1) // 2  # frames before the first and after the last hop
        self.resnet = MelResNet(n_res_block, n_freq, n_hidden, n_output, kernel_size)
        layers: list[nn.Module] = []
        for scale in upsample_scales:
            smoothing = nn.Conv2d(1, 1, (1, 2 * scale + 1), padding=(0, scale), bias=False)
            nn.init.constant_(smoothing.weight, 1 / (2 * scale + 1))
            layers += [Repeat(scale), smoothing]
        self.upsample_layers = nn.Sequential(*layers)

    def smooth(self, x: Float[Tensor, "B M T"], start: int, end: int) -> Float[Tensor, "B M s"]:
        """The spectrogram at the samples of hops `start` to `end` (excluded)."""
        first = start + self.context  # the frame at the centre of hop `start`
        low, high = max(0, first - SMOOTHING_REACH), min(x.shape[2], end + self.context + SMOOTHING_REACH)
        offset = (first - low) * self.hop_length
        smooth: Tensor = self.upsample_layers(x[:, None, :, low:high])[:, 0]  # [B, M, (high - low) * hop_length]
        return smooth[:, :, offset : offset + (end - start) * self.hop_length]

    def compute_smoothing(self) -> Float[Tensor, "s K"]:
        """How much each sample of a hop takes from the K frames around it, of which the middle one is at its centre.

        `smooth` is this weighted mean, except within `SMOOTHING_REACH` frames from the ends of the spectrogram.
        """
        weight = next(self.upsample_layers.parameters())
        impulses = torch.eye(2 * SMOOTHING_REACH + 1, device=weight.device)[:, None, None]  # [K, 1, 1, K]
        smooth: Tensor = self.upsample_layers(impulses)[:, 0, 0]  # [K, K * hop_length]
        return torch.unflatten(smooth.T, 0, (-1, self.hop_length))[SMOOTHING_REACH]


class WaveRnn(nn.Module):
    """The network. `n_classes` is the number of amplitude levels of the last layer, which mmerc does not use."""

    def __init__(
        self,
        *,
        upsample_scales: Sequence[int] = (5, 5, 8),
        n_classes: int = 256,
        n_res_block: int = 10,
        n_rnn: int = 512,
        n_fc: int = 512,
        kernel_size: int = 5,
        n_freq: int = 128,
        n_hidden: int = 128,
        n_output: int = 128,
    ) -> None:
        super().__init__()
        self.hop_length, self.n_aux = math.prod(upsample_scales), n_output // 4
        self.upsample = Upsampling(upsample_scales, n_res_block, n_freq, n_hidden, n_output, kernel_size)
        self.fc = nn.Linear(n_freq + self.n_aux + 1, n_rnn)
        self.rnn1 = nn.GRU(n_rnn, n_rnn, batch_first=True)
        self.rnn2 = nn.GRU(n_rnn + self.n_aux, n_rnn, batch_first=True)
        self.fc1 = nn.Linear(n_rnn + self.n_aux, n_fc)
        self.fc2 = nn.Linear(n_fc + self.n_aux, n_fc)
        self.fc3 = nn.Linear(n_fc, n_classes)

    def compute_features(
        self, waveform: Float[Tensor, "B 1 S"], specgram: Float[Tensor, "B 1 M T"]
    ) -> Float[Tensor, "B S f"]:
        """The input of the last fully connected layer, for each sample: S = (T - kernel_size + 1) * hop_length."""
        steps = self.upsample.resnet(specgram[:, 0])  # [B, a, H]
        smooth = self.upsample.smooth(specgram[:, 0], 0, steps.shape[2])  # [B, M, S]
        return self._run_layers(waveform[:, 0], smooth, steps, None, None)[0].transpose(0, 1)

    def forward(
        self, waveform: Float[Tensor, "B 1 S"], specgram: Float[Tensor, "B 1 M T"]
    ) -> Float[Tensor, "B 1 S n_classes"]:
        logits: Tensor = self.fc3(self.compute_features(waveform, specgram))  # [B, S, n_classes]
        return logits[:, None]

    def compute_hop_means(
        self,
        waveform: Float[Tensor, "B 1 S"],
        specgram: Float[Tensor, "B 1 M T"],
        *,
        hops_at_once: int,
        bf16: bool = False,
    ) -> Float[Tensor, "B H f"]:
        """The mean of `compute_features` over each hop, H = S / hop_length, in bounded memory.

        The hops are computed in segments of `hops_at_once`. The states of the GRUs pass from one segment to the next, so
        the numbers are the same. In training the activations of a segment are recomputed in the backward pass.
        With `bf16` the computation is in bfloat16 and the weights stay in float32.
        """
        steps = self.upsample.resnet(specgram[:, 0])  # [B, a, H]
        means: list[Tensor] = []
        state1 = state2 = None  # of the two GRUs, [1, B, r]
        for start in range(0, steps.shape[2], hops_at_once):
            end = min(start + hops_at_once, steps.shape[2])
            arguments = (waveform[:, 0], specgram[:, 0], steps, state1, state2, start, end, bf16)
            if torch.is_grad_enabled():
                mean, state1, state2 = checkpoint(self._compute_segment, *arguments, use_reentrant=True)
            else:
                mean, state1, state2 = self._compute_segment(*arguments)
            means.append(mean)
        return torch.cat(means, 1)

    def _compute_segment(
        self,
        waveform: Float[Tensor, "B S"],
        specgram: Float[Tensor, "B M T"],
        steps: Float[Tensor, "B a H"],
        state1: Float[Tensor, "1 B r"] | None,
        state2: Float[Tensor, "1 B r"] | None,
        start: int,
        end: int,
        bf16: bool,
    ) -> tuple[Float[Tensor, "B h f"], Float[Tensor, "1 B r"], Float[Tensor, "1 B r"]]:
        """The means of hops `start` to `end` (excluded), and the states of the GRUs after them."""
        smooth = self.upsample.smooth(specgram, start, end)
        samples = waveform[:, start * self.hop_length : end * self.hop_length]
        x, state1, state2 = self._run_layers(samples, smooth, steps[:, :, start:end], state1, state2, bf16=bf16)
        x = torch.unflatten(x, 0, (end - start, self.hop_length))  # [h, hop_length, B, f]
        return x.float().mean(1).transpose(0, 1), state1, state2

    def _run_layers(
        self,
        waveform: Float[Tensor, "B s"],
        smooth: Float[Tensor, "B M s"],
        steps: Float[Tensor, "B a h"],
        state1: Float[Tensor, "1 B r"] | None,
        state2: Float[Tensor, "1 B r"] | None,
        *,
        bf16: bool = False,
    ) -> tuple[Float[Tensor, "s B f"], Float[Tensor, "1 B r"], Float[Tensor, "1 B r"]]:
        """A vector for each sample, computed from the given states of the GRUs, and the states after the last sample.

        Time is the first axis in memory, because the GRUs read it so. With the batch first, copying their input costs
        more than the rest of the network.
        """
        dtype = torch.bfloat16 if bf16 else waveform.dtype
        steps = steps.permute(2, 0, 1).to(dtype).repeat_interleave(self.hop_length, 0)  # [s, B, a]
        aux = torch.split(steps, self.n_aux, 2)  # four parts [s, B, a / 4]
        x = torch.cat([waveform.T[..., None].to(dtype), smooth.permute(2, 0, 1).to(dtype), aux[0]], -1)
        x = _call_in_input_dtype(self.fc, x)  # [s, B, r]
        y, state1 = _call_in_input_dtype(self.rnn1, x.transpose(0, 1), state1)  # [B, s, r]
        x = y.transpose(0, 1) + x
        y, state2 = _call_in_input_dtype(self.rnn2, torch.cat([x, aux[1]], -1).transpose(0, 1), state2)
        x = y.transpose(0, 1) + x
        x = F.relu(_call_in_input_dtype(self.fc1, torch.cat([x, aux[2]], -1)))
        return F.relu(_call_in_input_dtype(self.fc2, torch.cat([x, aux[3]], -1))), state1, state2


def _call_in_input_dtype(layer: nn.Module, x: Tensor, *state: Tensor | None) -> Any:
    """Call the layer with its weights cast to the dtype of its input. Gradients reach the original weights."""
    if x.dtype == next(layer.parameters()).dtype:
        return layer(x, *state)
    cast = {name: value.to(x.dtype) for name, value in layer.named_parameters()}
    return functional_call(layer, cast, (x, *state))
