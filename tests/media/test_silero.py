"""The network on many chunks at once: the numbers of the package, which takes one at a time."""

import numpy as np
import pytest
import torch

from mmerc.errors import WeightsError
from mmerc.media import silero
from mmerc.media.silero import CHUNK, VoiceProbabilities


def make_sound() -> np.ndarray:
    """Noise, a tone with harmonics that glides, and silence, 20 chunks in all."""
    time = np.arange(20 * CHUNK) / 16_000
    voice = sum(np.sin(2 * np.pi * k * (120 + 40 * time) * time) / k for k in range(1, 12))
    noise = np.random.default_rng(0).normal(0, 0.02, len(time))
    return (noise + 0.2 * voice * (time > 0.2) * (time < 0.5)).astype(np.float32)


def test_the_probabilities_are_those_of_the_package() -> None:
    from silero_vad import load_silero_vad

    sound = make_sound()
    network = load_silero_vad()
    with torch.inference_mode():
        expected = [network(torch.from_numpy(chunk), 16_000).item() for chunk in sound.reshape(-1, CHUNK)]
    found = VoiceProbabilities().add(sound)
    assert max(expected) - min(expected) > 0.01
    assert found == pytest.approx(expected, abs=1e-5)


def test_a_sound_may_come_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = make_sound()
    whole, parts = VoiceProbabilities().add(sound), VoiceProbabilities()
    found = parts.add(sound[:CHUNK]) + parts.add(sound[:0]) + parts.add(sound[CHUNK : 8 * CHUNK])
    monkeypatch.setattr(silero, "CHUNKS_AT_ONCE", 5)
    assert found + parts.add(sound[8 * CHUNK :]) == pytest.approx(whole, abs=1e-5)


def test_another_network_in_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("silero_vad.load_silero_vad", lambda: torch.nn.Linear(2, 2))
    with pytest.raises(WeightsError, match="silero-vad lacks the tensor stft_conv.weight"):
        silero.load_network.__wrapped__()
