from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc.corpora import Clip, Dialogue, LiveRecording, Utterance
from mmerc.encoders.audio.spectrogram import Spectrogram, SpectrogramConfig
from mmerc.encoders.base import Example
from mmerc.errors import MissingModality
from mmerc.memo import Memo
from tests.media.clips import write_wav


def make_dialogue(clip: Clip | None) -> Dialogue:
    return Dialogue("train", 0, (Utterance("train", 0, 0, clip=clip),))


def test_samples_are_stored_as_integers_and_become_a_padded_batch(tmp_path: Path) -> None:
    waveform = np.linspace(-1, 1, 16_000)
    encoder = Spectrogram(SpectrogramConfig(encoder="spectrogram"), 7)
    stored = encoder.prepare(make_dialogue(Clip(write_wav(tmp_path / "a.wav", waveform[None]))), 0)
    assert stored.dtype == np.int16 and len(stored) == 16_000
    batch = encoder.collate([Example(("a", "b", "c"), stored), Example(("a", "b", "d"), stored[:10])])
    assert batch["samples"].tolist() == [16_000, 10]
    assert torch.allclose(batch["waveform"][0], torch.from_numpy(waveform).float(), atol=1e-3)
    assert not batch["waveform"][1, 10:].any()


def test_a_constant_offset_is_removed_and_long_utterances_are_cut(tmp_path: Path) -> None:
    waveform = 0.5 + 0.1 * np.sin(np.arange(16_000))
    encoder = Spectrogram(SpectrogramConfig(encoder="spectrogram", max_seconds=0.25), 7)
    stored = encoder.prepare(make_dialogue(Clip(write_wav(tmp_path / "a.wav", waveform[None]))), 0)
    assert len(stored) == 4_000 and abs(float(stored.mean())) < 1


def test_an_utterance_without_a_clip_has_no_audio() -> None:
    with pytest.raises(MissingModality, match="has no clip"):
        Spectrogram(SpectrogramConfig(encoder="spectrogram"), 7).prepare(make_dialogue(None), 0)


def test_an_utterance_without_speech_has_no_audio(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, (1, 16_000))
    encoder = Spectrogram(SpectrogramConfig(encoder="spectrogram", min_speech_seconds=0.1), 7)
    with pytest.raises(MissingModality, match=r"^rain\.wav has less than 0\.1 s of speech$"):
        encoder.prepare(make_dialogue(Clip(write_wav(tmp_path / "rain.wav", noise))), 0)


def test_the_example_input_is_in_tenths_of_a_second() -> None:
    assert Spectrogram(SpectrogramConfig(encoder="spectrogram"), 7).make_example_input(3).shape == (4_800,)


def test_the_protocol_is_kept() -> None:
    assert Spectrogram(SpectrogramConfig(encoder="spectrogram"), 7, protocol="online").protocol == "online"


def test_the_speech_of_a_live_utterance_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []

    def find_speech(samples: np.ndarray) -> list[tuple[int, int]]:
        searched.append(len(samples))
        return [(0, len(samples))]

    monkeypatch.setattr("mmerc.encoders.audio.base.find_speech", find_speech)
    encoder = Spectrogram(SpectrogramConfig(encoder="spectrogram", min_speech_seconds=0.1), 7)
    memo = Memo()

    def prepare(count: int, memo: Memo | None) -> int:
        samples = np.random.default_rng(0).normal(0, 0.1, count).astype(np.float32)
        live = LiveRecording(samples, memo=memo)
        return len(encoder.prepare(Dialogue("live", "", (Utterance("live", "", 0, live=live),)), 0))

    counts = [prepare(*each) for each in ((8000, memo), (8000, memo), (9000, memo), (8000, None), (8000, None))]
    assert counts == [8000, 8000, 9000, 8000, 8000] and searched == [8000, 9000, 8000, 8000]
