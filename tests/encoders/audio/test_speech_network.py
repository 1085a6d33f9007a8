from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, Wav2Vec2FeatureExtractor, WhisperModel

from mmerc.encoders.audio.speech_network import load_speech_network
from mmerc.errors import WeightsError
from tests.encoders.audio.speech_networks import make_samples, save_speech_network


def read(seconds: float) -> np.ndarray:
    return make_samples(seconds).astype(np.float32) / 32_768


@pytest.mark.parametrize(("family", "steps"), [("wav2vec2", 48), ("hubert", 48), ("wavlm", 48), ("whisper", 50)])
def test_each_family_gives_the_outputs_of_its_layers_for_the_real_length(
    family: str, steps: int, tmp_path: Path
) -> None:
    network = load_speech_network(str(save_speech_network(family, tmp_path)), bf16=False).eval()
    assert network(read(1.0)).shape == (steps, 3, 16)  # 20 ms a step; the input of the first layer, and two layers
    assert len(network(read(1 / 16_000))) >= 1  # one sample


def test_whisper_gives_the_numbers_of_transformers_for_30_seconds(tmp_path: Path) -> None:
    folder = save_speech_network("whisper", tmp_path)
    network = load_speech_network(str(folder), bf16=False).eval()
    waveform = read(30.0)
    inputs = network.extractor(waveform, sampling_rate=16_000, return_tensors="pt")
    encoder = WhisperModel.from_pretrained(folder).eval().get_encoder()
    with torch.inference_mode():
        expected = encoder(inputs["input_features"], output_hidden_states=True).hidden_states
        states = network(waveform)
    # transformers normalises its last state once more.
    for layer in (0, 1):
        assert torch.allclose(states[:, layer], expected[layer][0], atol=1e-5)


def test_only_the_first_layers_are_kept_on_request(tmp_path: Path) -> None:
    folder = save_speech_network("wavlm", tmp_path)
    short, full = (load_speech_network(str(folder), num_layers=count, bf16=False).eval() for count in (1, 2))
    with torch.inference_mode():
        assert torch.allclose(short(read(0.5)), full(read(0.5))[:, :2], atol=1e-6)
    with pytest.raises(WeightsError, match="has 2 layers: set num_layers to 2 or less"):
        load_speech_network(str(folder), num_layers=3)


def test_the_last_layers_are_unfrozen_on_request(tmp_path: Path) -> None:
    network = load_speech_network(str(save_speech_network("hubert", tmp_path)))
    network.freeze(0)
    assert not any(parameter.requires_grad for parameter in network.parameters())
    network.freeze(1)
    trained = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert trained and all("encoder.layers.1." in name for name in trained)


def test_a_network_that_reads_no_waveform_is_an_error(tmp_path: Path) -> None:
    BertConfig(hidden_size=24, num_hidden_layers=1).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="bert network, which reads no waveform"):
        load_speech_network(str(tmp_path), pretrained=False)
    with pytest.raises(WeightsError, match=r": download it .* and set backbone to its folder\."):
        load_speech_network("/no/such/place")
