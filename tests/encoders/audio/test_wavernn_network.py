import numpy as np
import torch

from mmerc.encoders.audio.wavernn_network import LJSPEECH, WaveRnn
from tests.encoders.waves import fill_with_waves


def make_network(**sizes: int) -> WaveRnn:
    torch.manual_seed(0)
    return WaveRnn(
        **{"n_freq": 16, "n_rnn": 8, "n_fc": 8, "n_res_block": 1, "n_hidden": 8, "n_output": 8, **sizes}
    ).eval()


def make_inputs() -> tuple[torch.Tensor, torch.Tensor]:
    """20 hops of 200 samples, and their spectrogram with 4 frames of context."""
    time = np.arange(4000) / 16_000
    waveform = torch.from_numpy(0.3 * np.sin(2 * np.pi * 220 * time) * np.sin(9 * time)).float()[None, None]
    return waveform, torch.cos(torch.arange(16 * 24) * 0.2).reshape(1, 1, 16, 24)


@torch.no_grad()
def test_same_input_and_weights_give_the_output_of_torchaudio() -> None:
    network = WaveRnn(
        upsample_scales=(2, 3), n_classes=8, n_res_block=2, n_rnn=16, n_fc=16, n_freq=12, n_hidden=8, n_output=8
    ).eval()
    fill_with_waves(network)
    waveform = torch.sin(torch.arange(36) * 0.3).reshape(1, 1, 36)
    specgram = torch.cos(torch.arange(120) * 0.2).reshape(1, 1, 12, 10)
    out = network(waveform, specgram)
    assert out.shape == (1, 1, 36, 8)
    # From torchaudio 2.8's WaveRNN with the same weights and inputs.
    expected = [[0.0777, 0.09277, 0.03446], [0.07773, 0.09276, 0.03443], [0.07766, 0.0928, 0.03451]]
    assert torch.allclose(out[0, 0, [0, 17, 35], :3], torch.tensor(expected), atol=2e-5)


def test_names_and_shapes_are_those_of_the_public_checkpoint() -> None:
    state = WaveRnn(**LJSPEECH).state_dict()
    assert len(state) == 147
    assert state["upsample.upsample_layers.5.weight"].shape == (1, 1, 1, 23)
    assert state["upsample.resnet.melresnet_model.0.weight"].shape == (128, 80, 5)
    assert state["upsample.resnet.melresnet_model.3.resblock_model.1.running_mean"].shape == (128,)
    assert state["rnn1.weight_ih_l0"].shape == (1536, 512)
    assert state["rnn2.weight_ih_l0"].shape == (1536, 544)
    shapes = [tuple(state[f"fc{number}.weight"].shape) for number in ("", 1, 2, 3)]
    assert shapes == [(512, 113), (512, 544), (512, 544), (256, 512)]


@torch.no_grad()
def test_the_papers_window_gives_a_vector_for_each_sample() -> None:
    features = make_network(n_rnn=4, n_fc=4).compute_features(torch.zeros(1, 1, 47_200), torch.zeros(1, 1, 16, 240))
    assert features.shape == (1, 47_200, 4)  # [47200, 512] with the paper's sizes


@torch.no_grad()
def test_hop_means_are_the_means_of_the_features() -> None:
    network, (waveform, specgram) = make_network(), make_inputs()
    expected = network.compute_features(waveform, specgram).unflatten(1, (20, 200)).mean(2)
    assert torch.allclose(network.compute_hop_means(waveform, specgram, hops_at_once=8), expected, atol=1e-6)


def test_gradients_through_segments_are_those_of_the_whole_window() -> None:
    network, (waveform, specgram) = make_network(), make_inputs()

    def compute_gradient(means: torch.Tensor) -> torch.Tensor:
        network.zero_grad()
        means.square().sum().backward()
        return network.rnn1.weight_hh_l0.grad.clone()  # type: ignore[union-attr]

    whole = compute_gradient(network.compute_features(waveform, specgram).unflatten(1, (20, 200)).mean(2))
    segments = compute_gradient(network.compute_hop_means(waveform, specgram, hops_at_once=3))
    assert torch.allclose(segments, whole, rtol=1e-3, atol=1e-5)


@torch.no_grad()
def test_bfloat16_gives_nearly_the_same_means() -> None:
    network, (waveform, specgram) = make_network(n_rnn=64, n_fc=64, n_hidden=32, n_output=32), make_inputs()
    exact = network.compute_hop_means(waveform, specgram, hops_at_once=8)
    fast = network.compute_hop_means(waveform, specgram, hops_at_once=8, bf16=True)
    assert fast.dtype == torch.float32
    assert float((fast - exact).norm() / exact.norm()) < 0.02
