import math

import pytest
import torch

from mmerc.media import SAMPLE_RATE
from mmerc.speakers.pyannet import CLASSES, STEP, TAPS, Edges, PyanNet, count_frames


@pytest.fixture(scope="module")
def network() -> PyanNet:
    torch.manual_seed(0)
    return PyanNet().eval().requires_grad_(False)


def test_each_frame_has_the_probabilities_of_seven_sets_of_people(network: PyanNet) -> None:
    assert CLASSES == [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
    probabilities = network(torch.randn(2, SAMPLE_RATE))
    assert probabilities.shape == (2, count_frames(SAMPLE_RATE), 7)
    assert torch.allclose(probabilities.sum(2), torch.ones(2, count_frames(SAMPLE_RATE)))


def test_ten_seconds_are_589_frames_of_17_milliseconds() -> None:
    assert count_frames(160_000) == 589 and count_frames(160_000 + STEP) == 590
    assert pytest.approx(0.016875) == STEP / SAMPLE_RATE


def test_the_loudness_of_a_window_has_no_effect(network: PyanNet) -> None:
    waveform = torch.randn(1, SAMPLE_RATE)
    assert torch.allclose(network(waveform), network(0.3 * waveform), atol=1e-3)


def test_a_filter_passes_the_frequencies_between_its_edges() -> None:
    edges = Edges().requires_grad_(False)
    edges.low_hz_.fill_(950.0)  # 50 Hz are added to each: 1000 to 1500 Hz
    edges.band_hz_.fill_(450.0)
    filters = edges()
    assert filters.shape == (80, 1, TAPS)
    times = torch.arange(TAPS) / SAMPLE_RATE
    for even in (True, False):
        taps = filters[0 if even else 40, 0]
        assert torch.allclose(taps, taps.flip(0) if even else -taps.flip(0), atol=1e-6)
        gains = [
            math.hypot(*(float(taps @ wave(2 * math.pi * hertz * times)) for wave in (torch.sin, torch.cos)))
            for hertz in (400.0, 1250.0, 2500.0)
        ]
        assert gains[1] > 20 * max(gains[0], gains[2])


def test_names_and_shapes_are_those_of_the_public_weights(network: PyanNet) -> None:
    shapes = {
        "sincnet.wav_norm1d.weight": (1,),
        "sincnet.conv1d.0.filterbank.low_hz_": (40, 1),
        "sincnet.conv1d.0.filterbank.window_": (125,),
        "sincnet.conv1d.0.filterbank.n_": (1, 125),
        "sincnet.conv1d.1.weight": (60, 80, 5),
        "sincnet.norm1d.0.bias": (80,),
        "lstm.weight_ih_l3_reverse": (512, 256),
        "linear.1.weight": (128, 128),
        "classifier.weight": (7, 128),
    }
    state = network.state_dict()
    assert len(state) == 54 and {name: tuple(state[name].shape) for name in shapes} == shapes
