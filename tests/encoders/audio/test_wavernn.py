import numpy as np
import pytest
import torch

from mmerc.encoders.audio.wavernn import WaveRnnConfig, WaveRnnEncoder
from mmerc.encoders.base import Example

SMALL = {"n_time": 24, "n_freq": 16, "n_rnn": 8, "n_res_block": 1, "n_hidden": 8, "pretrained": False, "bf16": False}


def make_encoder(**settings: object) -> WaveRnnEncoder:
    torch.manual_seed(0)
    return WaveRnnEncoder(WaveRnnConfig(encoder="wavernn", **{**SMALL, **settings}), 7).eval()  # type: ignore[arg-type]


def make_examples(*seconds: float) -> list[Example]:
    examples = []
    for number, length in enumerate(seconds):
        time = np.arange(int(length * 16_000)) / 16_000
        samples = (9000 * np.sin(2 * np.pi * 220 * time) * np.sin(9 * time)).astype(np.int16)
        examples.append(Example(("t", "0", str(number)), samples))
    return examples


@torch.no_grad()
def test_the_papers_window_has_236_hops() -> None:
    encoder = make_encoder(n_time=240, n_rnn=4)
    assert encoder.window_hops == 236 and encoder.hop_length == 200  # 47,200 samples
    assert encoder.compute_hop_means(torch.zeros(1, 47_200), torch.tensor([236])).shape == (1, 236, 4)


@torch.no_grad()
def test_one_window_gives_the_means_of_the_networks_features() -> None:
    encoder = make_encoder()
    waveform = torch.from_numpy(make_examples(0.25)[0].values).float()[None] / 32_768  # 20 hops
    features = encoder.network.compute_features(waveform[:, None], encoder._compute_specgram(waveform)[:, None])
    expected = torch.stack([features[0, start : start + 200].mean(0) for start in range(0, 4000, 200)])
    assert torch.allclose(encoder.compute_hop_means(waveform, torch.tensor([20]))[0], expected, atol=1e-5)


@torch.no_grad()
def test_long_utterances_have_several_windows_and_padding_is_masked() -> None:
    encoder = make_encoder()
    examples = make_examples(0.6, 0.2)
    together, alone = encoder(encoder.collate(examples)), encoder(encoder.collate(examples[1:]))
    assert together.mask.sum(1).tolist() == [48, 16]  # 9,600 and 3,200 samples in hops of 200
    assert torch.allclose(together.logits[1], alone.logits[0], atol=1e-5)
    assert torch.allclose(together.sequence[1, :16], alone.sequence[0], atol=1e-5)
    assert not together.sequence[1, 16:].any()


@torch.no_grad()
def test_the_threads_share_the_windows() -> None:
    encoder, waveform, hops = make_encoder(n_time=8), torch.randn(1, 40_000), torch.tensor([200])  # 50 windows
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 8):
            torch.set_num_threads(threads)
            found.append(encoder.compute_hop_means(waveform, hops))
    finally:
        torch.set_num_threads(before)
    assert torch.allclose(found[1], found[0], atol=1e-5) and torch.allclose(found[2], found[0], atol=1e-5)


def test_training_reads_random_segments() -> None:
    encoder = make_encoder(train_hops=5).train()
    out = encoder(encoder.collate(make_examples(0.5, 0.03)))
    assert out.mask.sum(1).tolist() == [5, 3]
    out.logits.sum().backward()
    assert encoder.network.rnn1.weight_hh_l0.grad is not None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kernel_size": 4}, "kernel_size must be odd"),
        ({"n_fft": 512, "win_length": 800}, "win_length must not be larger than n_fft"),
    ],
)
def test_sizes_that_do_not_work_are_errors(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WaveRnnConfig(encoder="wavernn", **settings)  # type: ignore[arg-type]
