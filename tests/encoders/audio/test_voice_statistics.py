from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmerc.campplus.fbank import compute_fbank
from mmerc.campplus.network import CamPlusPlus
from mmerc.encoders.audio.voice_statistics import (
    NUM_STATISTICS,
    VoiceStatistics,
    count_rows,
    join_statistics,
    split_statistics,
)
from mmerc.errors import WeightsError
from mmerc.weights import write_tensors
from tests.encoders.audio.speech_networks import make_samples


def read(seconds: float) -> np.ndarray:
    return make_samples(seconds).astype(np.float32) / 32_768


def test_the_statistics_are_those_of_the_second_block_of_the_public_network(
    voice_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMERC_WEIGHTS", str(voice_weights))
    torch.manual_seed(0)  # as `voice_weights`
    whole, seen = CamPlusPlus().eval(), []
    whole.xvector.get_submodule("transit2").register_forward_hook(lambda _, inputs, output: seen.append(output[0]))
    with torch.no_grad():
        whole(compute_fbank(torch.from_numpy(read(1.0)))[None])
    found = VoiceStatistics(pretrained=True)(read(1.0))
    assert seen[0].shape == (49, 512)
    assert torch.allclose(found, torch.cat([seen[0].mean(0), seen[0].std(0)]), atol=1e-5)


@pytest.mark.parametrize("num_samples", [0, 1, 399, 1_600])
def test_a_very_short_sound_has_finite_statistics(num_samples: int) -> None:
    found = VoiceStatistics(pretrained=False)(np.ones(num_samples, np.float32))
    assert found.shape == (NUM_STATISTICS,) and found.isfinite().all()


def test_the_network_is_frozen_and_stays_in_evaluation_mode() -> None:
    network = VoiceStatistics(pretrained=False).train()
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_absent_and_damaged_weights_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path))
    monkeypatch.setenv("MMERC_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="run `mmerc weights fetch voice-encoder`"):
        VoiceStatistics(pretrained=True)
    write_tensors(tmp_path / "voice-encoder.safetensors", {"head.conv1.weight": torch.zeros(32, 1, 3, 3)})
    with pytest.raises(WeightsError, match="voice-encoder lacks the tensor head.bn1.weight"):
        VoiceStatistics(pretrained=True)


@given(st.integers(1, 6), st.integers(1, 3), st.integers(1, 700))
def test_what_is_joined_is_split_again(num_steps: int, num_layers: int, width: int) -> None:
    rng = np.random.default_rng(0)
    voice, steps = rng.normal(size=NUM_STATISTICS).astype(np.float16), rng.normal(size=(num_steps, num_layers, width))
    values = join_statistics(voice, steps.astype(np.float16))
    assert values.shape == (count_rows((num_layers, width)) + num_steps, num_layers, width)
    again, rest = split_statistics(values)
    assert np.array_equal(again, voice) and np.array_equal(rest, steps.astype(np.float16))
