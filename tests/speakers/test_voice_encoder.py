from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc.errors import WeightsError
from mmerc.speakers.voice_encoder import SIZE, VoiceEncoder, load_voice_encoder, place_windows
from mmerc.weights import write_tensors


@pytest.fixture(scope="module")
def encoder() -> VoiceEncoder:
    torch.manual_seed(0)
    return VoiceEncoder().eval().requires_grad_(False)


def test_the_windows_of_several_stretches_do_not_depend_on_each_other(encoder: VoiceEncoder) -> None:
    rng = np.random.default_rng(0)
    stretches = [rng.normal(0, 0.1, length).astype(np.float32) for length in (8_000, 40_000, 24_000, 300, 0)]
    together = encoder.embed_stretches(stretches)
    assert [vectors.shape for vectors in together] == [(count, SIZE) for count in (1, 2, 1, 1, 1)]
    assert np.linalg.norm(together[1], axis=1) == pytest.approx([1, 1], abs=1e-5)
    for stretch, vectors in zip(stretches[:3], together[:3], strict=True):
        assert encoder.embed_stretches([stretch])[0] == pytest.approx(vectors, abs=1e-5)
    assert encoder.embed_stretches([]) == []


def test_a_short_window_is_cut_to_a_tenth_of_a_second(encoder: VoiceEncoder) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 9_599).astype(np.float32)
    whole, cut = encoder.embed_stretches([sound, sound[:8_000]])
    assert whole == pytest.approx(cut, abs=1e-5)


def test_windows_reach_from_the_first_sample_to_the_last() -> None:
    for length in (1, 23_999, 24_000, 24_001, 90_000, 160_000):
        windows = place_windows(length)
        assert windows[0][0] == 0 and windows[-1][1] == length
        assert {last - first for first, last in windows} == {min(length, 24_000)}


def test_absent_weights_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path))
    monkeypatch.delenv("MMERC_WEIGHTS", raising=False)
    with pytest.raises(WeightsError, match="run `mmerc weights fetch voice-encoder`"):
        load_voice_encoder()


def test_weights_are_loaded_by_their_names_and_again_from_another_file(
    encoder: VoiceEncoder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    state = encoder.state_dict()
    for name, scale in (("first", 1), ("second", 2)):
        (tmp_path / name).mkdir()
        write_tensors(
            tmp_path / name / "voice-encoder.safetensors", {key: value * scale for key, value in state.items()}
        )
    monkeypatch.setenv("MMERC_WEIGHTS", str(tmp_path / "first"))
    loaded = load_voice_encoder()
    assert load_voice_encoder() is loaded and not loaded.training
    assert torch.equal(loaded.head.conv1.weight, encoder.head.conv1.weight)
    assert not loaded.head.conv1.weight.requires_grad
    monkeypatch.setenv("MMERC_WEIGHTS", str(tmp_path / "second"))
    assert torch.equal(load_voice_encoder().head.conv1.weight, 2 * encoder.head.conv1.weight)
