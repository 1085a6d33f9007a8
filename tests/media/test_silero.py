"""The network on many chunks at once: the numbers of the package, which takes one at a time; and the import of the package."""

import subprocess
import sys
from pathlib import Path
from threading import Thread

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
    sound = make_sound()
    network = silero.import_package().load_silero_vad()
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
    monkeypatch.setattr(silero.import_package(), "load_silero_vad", lambda: torch.nn.Linear(2, 2))
    with pytest.raises(WeightsError, match="silero-vad lacks the tensor stft_conv.weight"):
        silero.load_network.__wrapped__()


@pytest.mark.parametrize(
    "first",
    [
        "mmerc.media.voice_activity.find_speech(numpy.zeros(1600, numpy.float32))",
        "mmerc.media.voice_activity.UtteranceDetector()",
    ],
)
def test_the_first_use_in_a_process_keeps_torchs_number_of_threads(first: str) -> None:
    code = f"""
import sys, threading, numpy, torch, mmerc.media.silero, mmerc.media.voice_activity
torch.set_num_threads(3)
assert "silero_vad" not in sys.modules
{first}
assert "silero_vad" in sys.modules
later = threading.Thread(target=lambda: print(torch.get_num_threads()))
later.start()
later.join()
print(torch.get_num_threads())
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["3", "3"]


def test_during_the_import_other_threads_may_set_the_number_of_threads() -> None:
    before, found = torch.get_num_threads(), []

    def set_elsewhere() -> None:
        torch.set_num_threads(3)
        found.append(torch.get_num_threads())

    try:
        with silero._keep_num_threads():
            torch.set_num_threads(before + 1)
            assert torch.get_num_threads() == before
            thread = Thread(target=set_elsewhere)
            thread.start()
            thread.join()
        assert found == [3]
        torch.set_num_threads(before + 1)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_the_package_is_imported_in_one_place() -> None:
    source = Path(silero.__file__).parents[1]
    files = [file for file in source.rglob("*.py") if "silero_vad" in file.read_text(encoding="utf-8")]
    assert [file.name for file in files] == ["silero.py"]
