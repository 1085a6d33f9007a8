"""The paper's audio encoder (4.1.2): WaveRNN on the waveform and its log-mel spectrogram, and a classifier.

The public LJSpeech checkpoint has 80 bands and a hop of 275 samples, the paper's network has a hop of 200. The tensors
whose shapes agree are loaded: the two GRUs and all layers after them.
"""

from functools import partial

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F

from mmerc import weights
from mmerc.config import Protocol
from mmerc.encoders.audio.base import SpeechConfig, SpeechEncoder
from mmerc.encoders.audio.mel import compute_log_mel
from mmerc.encoders.audio.pooling import make_padding_mask
from mmerc.encoders.audio.wavernn_inference import compute_hop_means
from mmerc.encoders.audio.wavernn_network import SMOOTHING_REACH, WaveRnn
from mmerc.encoders.base import Batch, Classifier, EncoderConfig, Encoding, compute_masked_mean
from mmerc.hardware import supports_bf16
from mmerc.threads import compute_together

HOPS_AT_ONCE = 8  # 1,600 samples
# Of a thread, in inference. The weights are read once for all of its windows, and with few of them it mostly waits for Python.
MIN_WINDOWS, MAX_WINDOWS = 16, 64


class WaveRnnConfig(SpeechConfig):
    """Settings of WaveRNN, named as in torchaudio. The defaults are the paper's."""

    n_time: int = Field(
        240,
        ge=8,
        description="frames of a window, including kernel_size - 1 frames of context; 240 frames are 47,200 samples, 2.95 s",
    )
    kernel_size: int = Field(5, ge=3, description="frames that the first convolution reads, an odd number")
    upsample_scales: tuple[int, ...] = Field(
        (5, 5, 8), description="upsampling factors; their product is the hop between two frames, in samples"
    )
    n_freq: int = Field(128, ge=8, description="number of mel bands")
    n_rnn: int = Field(512, ge=4, description="units of each GRU and of each fully connected layer")
    n_res_block: int = Field(10, ge=1, description="number of residual blocks")
    n_hidden: int = Field(128, ge=4, description="channels of the residual blocks")
    n_fft: int = Field(1024, ge=16, description="samples of the Fourier transform")
    win_length: int = Field(
        800, ge=16, description="samples of the window of the Fourier transform, 16,000 in a second"
    )
    train_hops: int = Field(
        0,
        ge=0,
        description="hops of a random segment of each utterance that one training step reads; 0 reads all, as the paper does",
    )
    bf16: bool = Field(True, description="use bfloat16 in the recurrent layers if the hardware supports it")

    @model_validator(mode="after")
    def _check_sizes(self) -> "WaveRnnConfig":
        if self.kernel_size % 2 == 0:
            raise ValueError("kernel_size must be odd, so that a frame is at the centre of each hop")
        if self.win_length > self.n_fft:
            raise ValueError("win_length must not be larger than n_fft")
        return self


class WaveRnnEncoder(SpeechEncoder):
    """WaveRNN's features, averaged over each hop. The classifier reads their mean.

    An utterance is cut into windows of `n_time` frames. The network starts anew in each window.
    """

    Config = WaveRnnConfig
    is_traceable = False  # its loops over segments and windows depend on the input
    config: WaveRnnConfig

    def __init__(self, config: EncoderConfig, num_classes: int, *, protocol: Protocol = "offline") -> None:
        assert isinstance(config, WaveRnnConfig)
        super().__init__(config, num_classes, protocol=protocol)
        self.network = WaveRnn(
            upsample_scales=config.upsample_scales,
            n_res_block=config.n_res_block,
            n_rnn=config.n_rnn,
            n_fc=config.n_rnn,
            kernel_size=config.kernel_size,
            n_freq=config.n_freq,
            n_hidden=config.n_hidden,
            n_output=config.n_hidden,
        )
        if config.pretrained:
            weights.fill_where_shapes_match(self.network, weights.load("wavernn-ljspeech"))
        self.network.fc3.requires_grad_(False)  # only the checkpoint needs this layer
        self.hop_length = self.network.hop_length
        self.window_hops = config.n_time - config.kernel_size + 1
        self.width = config.n_rnn
        self.emotion = Classifier(config.n_rnn, num_classes)

    def forward(self, batch: Batch) -> Encoding:
        waveform, samples = batch["waveform"], batch["samples"]
        hops = (samples + self.hop_length - 1) // self.hop_length  # [B]
        waveform = F.pad(waveform, (0, int(hops.max()) * self.hop_length - waveform.shape[1]))
        if self.training and self.config.train_hops:
            waveform, hops = self._pick_segments(waveform, hops)
        sequence = self.compute_hop_means(waveform, hops)  # [B, T, f]
        mask = make_padding_mask(hops, sequence.shape[1])
        sequence = sequence * mask[..., None]
        return Encoding(sequence, mask, self.emotion(compute_masked_mean(sequence, mask)))

    def compute_hop_means(self, waveform: Float[Tensor, "B S"], hops: Tensor) -> Float[Tensor, "B T f"]:
        """The mean feature of each hop, T = S / hop_length. Windows that have only padding are not computed.

        `hops` [B]: real hops of each waveform.
        """
        count, total = len(waveform), waveform.shape[1] // self.hop_length
        length = min(self.window_hops, total)  # hops of a window
        windows = -(-total // length)
        waveform = F.pad(waveform, (0, (windows * length - total) * self.hop_length))
        specgram = self._compute_specgram(waveform)  # [B, M, windows * length + kernel_size - 1]
        specgram = specgram.unfold(2, length + self.config.kernel_size - 1, length)  # [B, M, windows, frames]
        specgram = specgram.transpose(1, 2).flatten(0, 1)[:, None]  # [B * windows, 1, M, frames]
        samples = waveform.reshape(count * windows, 1, length * self.hop_length)
        is_real = (torch.arange(windows, device=hops.device)[None] * length < hops[:, None]).flatten()  # [B * windows]
        means = samples.new_zeros(count * windows, length, self.width)
        means[is_real] = self.compute_window_means(samples[is_real], specgram[is_real])
        return means.reshape(count, windows * length, self.width)[:, :total]

    def compute_window_means(
        self, samples: Float[Tensor, "W 1 S"], specgram: Float[Tensor, "W 1 M T"]
    ) -> Float[Tensor, "W H f"]:
        """The mean feature of each hop of W windows. In prediction the threads of the CPU share the windows."""
        threads, parts = torch.get_num_threads() if samples.device.type == "cpu" else 1, 1
        # Batch normalisation takes its statistics over all windows of a training batch, so they go through together.
        if not self.training:
            parts = max(-(-len(samples) // MAX_WINDOWS), min(threads, len(samples) // MIN_WINDOWS), 1)
        pairs = zip(samples.chunk(parts), specgram.chunk(parts), strict=True)
        return torch.cat(compute_together(*(partial(self._compute_part, *pair) for pair in pairs), threads=threads))

    def _compute_part(
        self, samples: Float[Tensor, "W 1 S"], specgram: Float[Tensor, "W 1 M T"]
    ) -> Float[Tensor, "W H f"]:
        bf16 = self.config.bf16 and supports_bf16(samples.device)
        is_on_cpu = samples.device.type == "cpu"
        if torch.is_grad_enabled() or not is_on_cpu or self.network.upsample.context < SMOOTHING_REACH:
            return self.network.compute_hop_means(samples, specgram, hops_at_once=HOPS_AT_ONCE, bf16=bf16)
        dtype = torch.bfloat16 if bf16 else torch.float32
        return compute_hop_means(self.network, samples[:, 0], specgram[:, 0], dtype)

    def _compute_specgram(self, waveform: Float[Tensor, "B S"]) -> Float[Tensor, "B M T"]:
        """The log-mel spectrogram with a frame at the centre of each hop, and (kernel_size - 1) / 2 frames of silence
        before and after it."""
        context = (self.config.kernel_size - 1) // 2
        frames = compute_log_mel(
            F.pad(waveform, (context * self.hop_length, context * self.hop_length))[:, self.hop_length // 2 :],
            n_mels=self.config.n_freq,
            n_fft=self.config.n_fft,
            win_length=self.config.win_length,
            hop_length=self.hop_length,
        )
        return frames[:, :, : waveform.shape[1] // self.hop_length + 2 * context]

    def _pick_segments(self, waveform: Float[Tensor, "B S"], hops: Tensor) -> tuple[Float[Tensor, "B s"], Tensor]:
        """A random segment of `train_hops` hops of each waveform, and the real hops [B] of each segment."""
        length = min(self.config.train_hops, waveform.shape[1] // self.hop_length)
        latest = (hops - length).clamp(min=0)
        start = (torch.rand(len(hops), device=hops.device) * (latest + 1)).long()
        index = start[:, None] * self.hop_length + torch.arange(length * self.hop_length, device=hops.device)[None]
        return waveform.gather(1, index), (hops - start).clamp(max=length)
