import numpy as np
import pytest
import torch

from mmerc.encoders.audio.wavernn import LJSPEECH, WaveRnn, WaveRnnConfig, WaveRnnEncoder
from mmerc.encoders.base import Example
from tests.encoders.audio.waves import fill_with_waves

SMALL = {"n_time": 24, "bands": 16, "rnn": 8, "blocks": 1, "hidden": 8, "pretrained": False, "bf16": False}


def small(**settings: object) -> WaveRnnEncoder:
    torch.manual_seed(0)
    return WaveRnnEncoder(WaveRnnConfig(encoder="wavernn", **{**SMALL, **settings}), 7).eval()  # type: ignore[arg-type]


def wave(seconds: float) -> np.ndarray:
    time = np.arange(int(seconds * 16_000)) / 16_000
    return (9000 * np.sin(2 * np.pi * 220 * time) * np.sin(9 * time)).astype(np.int16)


@torch.no_grad()
def test_same_input_same_weights_same_output_as_torchaudio() -> None:
    network = WaveRnn(upsample_scales=(2, 3), classes=8, blocks=2, rnn=16, fc=16, bands=12, hidden=8, outputs=8).eval()
    fill_with_waves(network)
    waveform = torch.sin(torch.arange(36) * 0.3).reshape(1, 1, 36)
    specgram = torch.cos(torch.arange(120) * 0.2).reshape(1, 1, 12, 10)
    out = network(waveform, specgram)
    assert out.shape == (1, 1, 36, 8)
    # From torchaudio 2.8's WaveRNN with the same weights and inputs.
    expected = [[0.0777, 0.09277, 0.03446], [0.07773, 0.09276, 0.03443], [0.07766, 0.0928, 0.03451]]
    assert torch.allclose(out[0, 0, [0, 17, 35], :3], torch.tensor(expected), atol=2e-5)


def test_names_and_shapes_of_the_public_checkpoint() -> None:
    state = WaveRnn(**LJSPEECH).state_dict()
    assert len(state) == 147
    assert state["upsample.upsample_layers.5.weight"].shape == (1, 1, 1, 23)
    assert state["upsample.resnet.melresnet_model.0.weight"].shape == (128, 80, 5)
    assert state["upsample.resnet.melresnet_model.3.resblock_model.1.running_mean"].shape == (128,)
    assert state["rnn1.weight_ih_l0"].shape == (1536, 512)
    assert state["rnn2.weight_ih_l0"].shape == (1536, 544)
    assert [state[f"fc{number}.weight"].shape for number in ("", 1, 2, 3)] == [
        (512, 113),
        (512, 544),
        (512, 544),
        (256, 512),
    ]


@torch.no_grad()
def test_the_articles_window() -> None:
    encoder = small(n_time=240, rnn=4)
    features = encoder.network.features(torch.zeros(1, 1, 47_200), torch.zeros(1, 1, 16, 240))
    assert features.shape == (1, 47_200, 4)  # [47200, 512] in the paper's width
    assert encoder.windows(torch.zeros(1, 47_200), torch.tensor([236])).shape == (1, 236, 4)


@torch.no_grad()
def test_hop_means_are_the_means_of_the_features() -> None:
    encoder = small()
    waveform = torch.from_numpy(wave(0.25)[:4000]).float()[None] / 32_768  # one window of 20 hops
    features = encoder.network.features(waveform[:, None], encoder._frames(waveform)[:, None])
    expected = torch.stack([features[0, start : start + 200].mean(0) for start in range(0, 4000, 200)])
    assert torch.allclose(encoder.windows(waveform, torch.tensor([20]))[0], expected, atol=1e-6)


@torch.no_grad()
def test_long_utterances_are_windows_in_a_row_and_padding_is_masked() -> None:
    encoder = small()
    rows = [Example(("t", "0", "0"), wave(0.6)), Example(("t", "0", "1"), wave(0.2))]
    together, alone = encoder(encoder.collate(rows)), encoder(encoder.collate(rows[1:]))
    assert together.mask.sum(1).tolist() == [48, 16]  # 9,600 and 3,200 samples in hops of 200
    assert torch.allclose(together.logits[1], alone.logits[0], atol=1e-5)
    assert torch.allclose(together.sequence[1, :16], alone.sequence[0], atol=1e-5)
    assert not together.sequence[1, 16:].any()


def test_gradients_through_stretches_are_those_of_the_whole_window() -> None:
    network = small().network
    waveform = torch.from_numpy(wave(0.25)[:4000]).float()[None, None] / 32_768
    specgram = torch.cos(torch.arange(16 * 24) * 0.2).reshape(1, 1, 16, 24)

    def gradient(means: torch.Tensor) -> torch.Tensor:
        network.zero_grad()
        means.square().sum().backward()
        return network.rnn1.weight_hh_l0.grad.clone()  # type: ignore[union-attr]

    whole = gradient(network.features(waveform, specgram).unflatten(1, (20, 200)).mean(2))
    stretches = gradient(network.hop_means(waveform, specgram, at_once=3))
    assert torch.allclose(stretches, whole, rtol=1e-3, atol=1e-5)


def test_truncated_back_propagation_ends_where_a_stretch_begins() -> None:
    network = small().network
    waveform = torch.zeros(1, 1, 4000, requires_grad=True)
    specgram = torch.cos(torch.arange(16 * 24) * 0.2).reshape(1, 1, 16, 24)
    network.hop_means(waveform, specgram, at_once=10, truncated=True)[:, -1].sum().backward()
    assert waveform.grad is not None
    assert not waveform.grad[0, 0, :2000].any() and waveform.grad[0, 0, 2000:].any()


@torch.no_grad()
def test_bfloat16_gives_nearly_the_same_means() -> None:
    network = small(rnn=64, hidden=32).network
    waveform = torch.from_numpy(wave(0.25)[:4000]).float()[None, None] / 32_768
    specgram = torch.cos(torch.arange(16 * 24) * 0.2).reshape(1, 1, 16, 24)
    exact = network.hop_means(waveform, specgram, at_once=8)
    fast = network.hop_means(waveform, specgram, at_once=8, bf16=True)
    assert fast.dtype == torch.float32
    assert float((fast - exact).norm() / exact.norm()) < 0.02


def test_training_on_random_stretches() -> None:
    encoder = small(train_hops=5).train()
    out = encoder(encoder.collate([Example(("t", "0", "0"), wave(0.5)), Example(("t", "0", "1"), wave(0.03))]))
    assert out.mask.sum(1).tolist() == [5, 3]
    out.logits.sum().backward()
    assert encoder.network.rnn1.weight_hh_l0.grad is not None


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="kernel must be odd"):
        WaveRnnConfig(encoder="wavernn", kernel=4)
