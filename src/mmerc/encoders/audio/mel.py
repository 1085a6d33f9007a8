"""Log-mel spectrograms: HTK's mel scale, triangular filters, a Hann window, the natural logarithm of the power."""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from mmerc.media import SAMPLE_RATE

MIN_POWER = 1e-6  # lower powers are raised to this value, so silence has a finite logarithm


@lru_cache(maxsize=8)
def make_mel_filters(n_mels: int, n_fft: int) -> Float[Tensor, "M F"]:
    """Triangular filters of equal width in mel, from 0 Hz to half the sample rate; mel = 2595 log10(1 + f / 700)."""
    edges = torch.linspace(0, 2595 * torch.log10(torch.tensor(1 + SAMPLE_RATE / 2 / 700)), n_mels + 2)
    edges = 700 * (10 ** (edges / 2595) - 1)  # [M + 2], Hz
    frequencies = torch.linspace(0, SAMPLE_RATE / 2, n_fft // 2 + 1)  # [F]
    rising = (frequencies[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequencies[None]) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp(min=0)


def compute_log_mel(
    waveform: Float[Tensor, "B S"], *, n_mels: int, n_fft: int, win_length: int, hop_length: int
) -> Float[Tensor, "B M T"]:
    """The log-mel spectrogram of a batch of waveforms.

    T = S // hop_length + 1 frames. Frame t is centred at sample t * hop_length. The waveform is padded with silence.
    """
    samples = torch.nn.functional.pad(waveform, (n_fft // 2, n_fft // 2))
    window = torch.hann_window(win_length, device=waveform.device)
    if torch.onnx.is_in_onnx_export():
        power = _compute_power_by_convolution(samples, window, n_fft, hop_length)
    else:
        spectrum = torch.stft(samples, n_fft, hop_length, win_length, window, center=False, return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()  # [B, F, T]
    return (make_mel_filters(n_mels, n_fft).to(waveform.device) @ power).clamp(min=MIN_POWER).log()


def _compute_power_by_convolution(
    samples: Float[Tensor, "B P"], window: Float[Tensor, " W"], n_fft: int, hop_length: int
) -> Float[Tensor, "B F T"]:
    """The same power spectrum by convolutions with cosines and sines, because ONNX has no complex numbers."""
    left = (n_fft - len(window)) // 2  # `stft` centres a window that is shorter than the transform
    window = torch.nn.functional.pad(window, (left, n_fft - len(window) - left)).double()
    phase = torch.outer(torch.arange(n_fft // 2 + 1), torch.arange(n_fft)).double() * (2 * torch.pi / n_fft)  # [F, N]
    cosine, sine = ((wave * window).float()[:, None] for wave in (phase.cos(), phase.sin()))  # [F, 1, N]
    real, imaginary = (torch.nn.functional.conv1d(samples[:, None], wave, stride=hop_length) for wave in (cosine, sine))
    return real.square() + imaginary.square()  # [B, F, T]
