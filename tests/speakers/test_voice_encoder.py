import numpy as np
import pytest
import torch

from mmerc import weights
from mmerc.errors import WeightsError
from mmerc.speakers.voice_encoder import SIZE, VoiceEncoder, load_voice_encoder, place_windows, raise_level


@pytest.fixture
def encoder() -> VoiceEncoder:
    torch.manual_seed(0)
    return VoiceEncoder().eval()


def test_vectors_have_length_one_and_no_negative_values(encoder: VoiceEncoder) -> None:
    with torch.inference_mode():
        vectors = encoder(torch.rand(3, 160, 40))
    assert vectors.shape == (3, SIZE) and float(vectors.min()) >= 0
    assert torch.linalg.norm(vectors, dim=1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)


def test_a_known_answer(encoder: VoiceEncoder) -> None:
    """With weights of zero, the state is zero, and only the bias of the projection is left."""
    for parameter in encoder.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        encoder.linear.bias[:2] = torch.tensor([3.0, 4.0])
        encoder.linear.bias[2] = -5.0
        vector = encoder(torch.rand(1, 160, 40))[0]
    assert vector[:3].tolist() == pytest.approx([0.6, 0.8, 0.0])


def test_the_windows_of_several_stretches_do_not_depend_on_each_other(encoder: VoiceEncoder) -> None:
    rng = np.random.default_rng(0)
    stretches = [rng.normal(0, 0.1, length).astype(np.float32) for length in (8_000, 40_000, 25_600, 300)]
    together = encoder.embed_stretches(stretches)
    assert [len(vectors) for vectors in together] == [1, 3, 2, 1]
    for stretch, vectors in zip(stretches, together, strict=True):
        assert encoder.embed_stretches([stretch])[0] == pytest.approx(vectors, abs=1e-5)
    assert encoder.embed_stretches([]) == []


def test_windows_reach_from_the_first_frame_to_the_last() -> None:
    for length in (1, 159, 160, 161, 500, 1500):
        windows = place_windows(length)
        assert windows[0][0] == 0 and windows[-1][1] == length
        assert {last - first for first, last in windows} == {min(length, 160)}


def test_only_quiet_sound_is_raised() -> None:
    quiet, loud = np.full(100, 0.001, np.float32), np.full(100, 0.5, np.float32)
    assert raise_level(quiet) == pytest.approx(np.full(100, 10 ** (-30 / 20)), rel=1e-4)
    assert np.array_equal(raise_level(loud), loud) and not raise_level(np.zeros(5, np.float32)).any()


def test_absent_weights_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path))
    monkeypatch.delenv("MMERC_WEIGHTS", raising=False)
    load_voice_encoder.cache_clear()
    with pytest.raises(WeightsError, match="run `mmerc weights fetch voice-encoder`"):
        load_voice_encoder()


def test_weights_are_loaded_without_the_parameters_of_the_loss(
    encoder: VoiceEncoder, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    tensors = {**encoder.state_dict(), "similarity_weight": torch.ones(1), "similarity_bias": torch.ones(1)}
    monkeypatch.setattr(weights, "load", lambda name: tensors)
    load_voice_encoder.cache_clear()
    loaded = load_voice_encoder()
    load_voice_encoder.cache_clear()
    assert torch.equal(loaded.linear.weight, encoder.linear.weight) and not loaded.linear.weight.requires_grad
