import pytest
import torch

from mmerc.encoders.audio.wavernn_inference import compute_hop_means, run_gru
from mmerc.encoders.audio.wavernn_network import WaveRnn
from tests.encoders.waves import fill_with_waves


def make_network(**sizes: int) -> WaveRnn:
    torch.manual_seed(0)
    return WaveRnn(
        **{"n_freq": 16, "n_rnn": 64, "n_fc": 48, "n_res_block": 1, "n_hidden": 8, "n_output": 32, **sizes}
    ).eval()


def make_inputs(count: int, hops: int, frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Waveforms [B, 1, hops * 200] and spectrograms [B, 1, 16, frames], another one for each window."""
    torch.manual_seed(1)
    return 0.3 * torch.randn(count, 1, hops * 200), torch.randn(count, 1, 16, frames)


@pytest.mark.parametrize(("kernel_size", "hops"), [(5, 1), (5, 6), (7, 3)])
@torch.no_grad()
def test_the_means_are_those_of_the_features_of_each_sample(kernel_size: int, hops: int) -> None:
    network = make_network(kernel_size=kernel_size)
    waveform, specgram = make_inputs(3, hops, hops + kernel_size - 1)
    expected = network.compute_features(waveform, specgram).unflatten(1, (hops, 200)).mean(2)
    means = compute_hop_means(network, waveform[:, 0], specgram[:, 0], torch.float32)
    assert means.shape == (3, hops, 48)
    assert torch.allclose(means, expected, atol=1e-6)


@torch.no_grad()
def test_learned_smoothing_and_other_scales_give_the_same_means() -> None:
    network = WaveRnn(upsample_scales=(3, 7), n_rnn=8, n_fc=8, n_freq=16, n_hidden=8, n_output=8, n_res_block=1).eval()
    fill_with_waves(network)
    waveform, specgram = torch.randn(2, 1, 84), torch.randn(2, 1, 16, 8)
    expected = network.compute_features(waveform, specgram).unflatten(1, (4, 21)).mean(2)
    means = compute_hop_means(network, waveform[:, 0], specgram[:, 0], torch.float32)
    assert torch.allclose(means, expected, atol=1e-6)


@torch.no_grad()
def test_outputs_that_four_parts_do_not_use_up_are_left_out_as_in_training() -> None:
    network = make_network(n_output=6)
    waveform, specgram = make_inputs(2, 2, 6)
    expected = network.compute_features(waveform, specgram).unflatten(1, (2, 200)).mean(2)
    means = compute_hop_means(network, waveform[:, 0], specgram[:, 0], torch.float32)
    assert torch.allclose(means, expected, atol=1e-6)


@torch.no_grad()
def test_bfloat16_gives_nearly_the_same_means() -> None:
    network, (waveform, specgram) = make_network(), make_inputs(2, 5, 9)
    exact, fast = (
        compute_hop_means(network, waveform[:, 0], specgram[:, 0], dtype) for dtype in (torch.float32, torch.bfloat16)
    )
    assert fast.dtype == torch.float32
    assert float((fast - exact).norm() / exact.norm()) < 0.02


@torch.no_grad()
def test_the_recurrence_is_that_of_torch() -> None:
    torch.manual_seed(0)
    gru = torch.nn.GRU(5, 4)
    x, state = torch.randn(7, 3, 5), torch.randn(3, 4)
    expected, last = gru(x, state[None])
    gates = torch.nn.functional.linear(x, gru.weight_ih_l0, gru.bias_ih_l0)
    outputs, found = run_gru(lambda h: torch.nn.functional.linear(h, gru.weight_hh_l0, gru.bias_hh_l0), gates, state)
    assert torch.allclose(outputs, expected, atol=1e-6)
    assert torch.allclose(found, last[0], atol=1e-6)
