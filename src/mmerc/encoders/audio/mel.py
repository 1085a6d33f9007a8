"""Log-mel spectrograms: mel as HTK defines it, triangular filters, Hann window, natural logarithm of power."""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from mmerc.media import SAMPLE_RATE

FLOOR = 1e-6  # power below which nothing is told apart; the logarithm of it stands for silence


@lru_cache(maxsize=8)
def mel_filters(bands: int, fft: int) -> Float[Tensor, "M F"]:
    """Triangles equally wide in mel = 2595 log10(1 + f / 700), from 0 Hz to half the sample rate."""
    edges = torch.linspace(0, 2595 * torch.log10(torch.tensor(1 + SAMPLE_RATE / 2 / 700)), bands + 2)
    edges = 700 * (10 ** (edges / 2595) - 1)  # [M + 2], Hz
    bins = torch.linspace(0, SAMPLE_RATE / 2, fft // 2 + 1)  # [F]
    rising = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp(min=0)


def log_mel(waveform: Float[Tensor, "B S"], *, bands: int, fft: int, window: int, hop: int) -> Float[Tensor, "B M T"]:
    """T = S // hop + 1 frames, the middle of frame t at sample t * hop; what lies outside the waveform is silence."""
    padded = torch.nn.functional.pad(waveform, (fft // 2, fft // 2))
    shape = torch.hann_window(window, device=waveform.device)
    if torch.onnx.is_in_onnx_export():
        power = _power(padded, shape, fft, hop)
    else:
        spectrum = torch.stft(padded, fft, hop, window, shape, center=False, return_complex=True)  # [B, F, T]
        power = spectrum.real.square() + spectrum.imag.square()
    return (mel_filters(bands, fft).to(waveform.device) @ power).clamp(min=FLOOR).log()


def _power(padded: Float[Tensor, "B P"], shape: Float[Tensor, " W"], fft: int, hop: int) -> Float[Tensor, "B F T"]:
    """The same by two convolutions with sines and cosines: ONNX knows no complex numbers."""
    edge = (fft - len(shape)) // 2  # where `stft` puts a window that is shorter than the transform
    window = torch.nn.functional.pad(shape, (edge, fft - len(shape) - edge)).double()
    turns = torch.outer(torch.arange(fft // 2 + 1), torch.arange(fft)).double() * (2 * torch.pi / fft)  # [F, N]
    cosine, sine = ((wave * window).float()[:, None] for wave in (turns.cos(), turns.sin()))  # [F, 1, N]
    parts = [torch.nn.functional.conv1d(padded[:, None], wave, stride=hop) for wave in (cosine, sine)]  # [B, F, T]
    return parts[0].square() + parts[1].square()
