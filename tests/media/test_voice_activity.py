from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from mmerc.corpora import Clip, Dialogue, Utterance
from mmerc.encoders.audio.spectrogram import Spectrogram, SpectrogramConfig
from mmerc.errors import MissingModality
from mmerc.media import read_waveform
from mmerc.media.voice_activity import UtteranceDetector, find_speech


def seconds_of_speech(sound: np.ndarray) -> float:
    return sum(end - start for start, end in find_speech(sound)) / 16_000


TIME = np.arange(32_000) / 16_000


@pytest.mark.parametrize(
    "sound",
    [
        np.random.default_rng(0).normal(0, 0.05, 32_000),
        0.3 * np.sin(2 * np.pi * 440 * TIME),
        np.zeros(32_000),
        np.zeros(80),
    ],
    ids=["noise", "tone", "silence", "five milliseconds"],
)
def test_what_is_no_voice(sound: np.ndarray) -> None:
    assert seconds_of_speech(sound) == 0


@pytest.mark.realdata
def test_an_actor_speaks_for_about_half_of_the_clip(real_data: Path) -> None:
    clip = Clip(real_data / "ravdess" / "Actor_01" / "03-01-01-01-01-01-01.flac")
    assert 0.8 < seconds_of_speech(read_waveform(clip)) < 2.5


def test_a_clip_without_speech_lacks_the_modality(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 2000, 16_000).astype(np.int16)
    wavfile.write(tmp_path / "rain.wav", 16_000, noise)
    said = Dialogue("t", 0, (Utterance("t", 0, 0, clip=Clip(tmp_path / "rain.wav")),))

    def prepare(min_speech_seconds: float) -> np.ndarray:
        settings = SpectrogramConfig(encoder="spectrogram", conv_channels=16, min_speech_seconds=min_speech_seconds)
        return Spectrogram(settings, 7).prepare(said, 0)

    assert len(prepare(0)) == 16_000
    with pytest.raises(MissingModality, match=r"rain\.wav has less than 0\.1 s of speech"):
        prepare(0.1)


class Speaking:
    """A detector that hears a voice from the first chunk on."""

    def __init__(self) -> None:
        self.is_first = True

    def __call__(self, chunk: torch.Tensor) -> dict[str, int]:
        is_first, self.is_first = self.is_first, False
        return {"start": 0} if is_first else {}


def test_a_long_utterance_is_cut_at_its_quietest_place() -> None:
    detector = UtteranceDetector()
    detector.detector = Speaking()
    sound = np.full(32 * 16_000, 0.5)
    sound[12 * 16_000 : 12 * 16_000 + 3200] = 0.1  # 0.2 s after 12 s
    sound[5 * 16_000 : 5 * 16_000 + 3200] = 0.0  # too early for a cut
    found = detector.add_audio(sound)
    assert found[0] == (0, pytest.approx(12.1, abs=0.1)) and len(found) == 2
    assert found[1][0] == found[0][1] and 22 < found[1][1] < 27.1
    assert detector.finish() == [(found[1][1], 32.0)]
