from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc.errors import CorpusError
from mmerc.speakers.voice_encoder import SIZE, VoiceEncoder
from mmerc.speakers.voices import match_voices, read_voices
from tests.media.clips import write_wav


@pytest.fixture(scope="module")
def encoder() -> VoiceEncoder:
    torch.manual_seed(0)
    return VoiceEncoder().eval()


def test_bad_samples_say_which_file_and_what_to_give(tmp_path: Path, encoder: VoiceEncoder) -> None:
    with pytest.raises(CorpusError, match="there is no folder"):
        read_voices(tmp_path / "none", encoder)
    with pytest.raises(CorpusError, match="has no recordings of voices: put one file per person into it"):
        read_voices(tmp_path, encoder)
    write_wav(tmp_path / "Ann.wav", np.zeros((1, 16_000)))
    with pytest.raises(CorpusError, match=r"Ann\.wav cannot be used \(Ann\.wav is silent\)"):
        read_voices(tmp_path, encoder)
    write_wav(tmp_path / "Ann.wav", np.random.default_rng(0).normal(0, 0.1, (1, 16_000)))
    with pytest.raises(CorpusError, match=r"nobody speaks in the voice .*Ann\.wav"):
        read_voices(tmp_path, encoder)


def test_two_samples_of_one_name(tmp_path: Path, encoder: VoiceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmerc.speakers.voices.read_voice", lambda file, encoder: np.ones(SIZE))
    (tmp_path / "Ann.wav").touch()
    (tmp_path / ".hidden").touch()
    assert list(read_voices(tmp_path, encoder)) == ["Ann"]
    (tmp_path / "Ann.mp3").touch()
    with pytest.raises(CorpusError, match="two files for Ann"):
        read_voices(tmp_path, encoder)


@pytest.mark.realdata
def test_a_sample_is_a_vector(real_data: Path, encoder: VoiceEncoder, tmp_path: Path) -> None:
    (tmp_path / "Ann.flac").symlink_to(real_data.resolve() / "ravdess" / "Actor_01" / "03-01-01-01-01-01-01.flac")
    (voice,) = read_voices(tmp_path, encoder).values()
    assert voice.shape == (SIZE,) and np.linalg.norm(voice) == pytest.approx(1, abs=0.1)


def test_each_name_is_given_once_and_to_the_closest_vector() -> None:
    voices = {"Ann": np.array([1.0, 0.0, 0.0]), "Bob": np.array([0.0, 1.0, 0.0])}
    vectors = np.array([[0.9, 0.1, 0.0], [1.0, 0.0, 0.0], [0.1, 0.9, 0.0], [0.0, 0.0, 1.0]])
    assert match_voices(vectors, voices) == {1: "Ann", 2: "Bob"}
    assert match_voices(vectors, {}) == {}
