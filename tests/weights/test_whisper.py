"""Whisper from CTranslate2: a small network written by the tests, and the published one against faster-whisper."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoFeatureExtractor, AutoModel, WhisperConfig, WhisperModel

from mmerc import weights
from mmerc.corpora import Clip
from mmerc.errors import WeightsError
from mmerc.media import read_waveform
from mmerc.weights.ctranslate2 import read_ctranslate2
from mmerc.weights.whisper import convert_whisper, save_encoder
from tests.weights.ctranslate2_files import make_network, make_variables, pack_network, write_whisper


def test_the_whole_network_is_converted(tmp_path: Path) -> None:
    network = write_whisper(tmp_path / "model.bin")
    tensors = convert_whisper(read_ctranslate2(tmp_path / "model.bin", "WhisperSpec"))
    expected = network.state_dict()
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[key], expected[key].half()) for key in expected)


def test_the_folder_of_the_encoder_is_loaded_by_transformers(tmp_path: Path) -> None:
    network = write_whisper(tmp_path / "model.bin")
    save_encoder(tmp_path / "model.bin", tmp_path / "encoder")
    loaded = AutoModel.from_pretrained(tmp_path / "encoder").eval()
    extractor = AutoFeatureExtractor.from_pretrained(tmp_path / "encoder")
    assert extractor.feature_size == 8 and loaded.dtype == torch.float32
    spectrogram = torch.rand(1, 8, 60)
    network.load_state_dict({key: tensor.half().float() for key, tensor in network.state_dict().items()})
    with torch.no_grad():
        found = loaded.get_encoder()(spectrogram).last_hidden_state
        expected = network.get_encoder()(spectrogram).last_hidden_state
    assert torch.allclose(found, expected, atol=1e-6)
    assert sum(parameter.numel() for parameter in loaded.get_decoder().parameters()) < 100


@pytest.mark.parametrize(
    ("name", "tensor", "sentence"),
    [
        ("encoder/layer_0/self_attention/relative_position_keys", torch.zeros(2), "has no variable"),
        ("encoder/conv3/weight", torch.zeros(2), "has no variable"),
        ("encoder/conv1/weight_scale", torch.zeros(2), "has no variable"),
        ("x", torch.zeros(2), "has no variable"),
        ("encoder/conv1/weight", torch.zeros(2, 2, 2, dtype=torch.int8), r"is quantised \(torch.int8\)"),
        ("encoder/layer_0/self_attention/linear_0/bias", torch.zeros(7), r"has the shape \[7\]"),
        ("encoder/layer_norm/gamma", torch.tensor(1.0), r"has the shape \[\]"),
        ("encoder/conv1/weight", torch.zeros(16), "no complete Whisper encoder"),
        ("encoder/num_heads", torch.zeros(3, dtype=torch.int16), "no complete Whisper encoder"),
    ],
)
def test_a_variable_that_whisper_does_not_have(tmp_path: Path, name: str, tensor: torch.Tensor, sentence: str) -> None:
    variables = make_variables(make_network()) | {name: tensor}
    (tmp_path / "model.bin").write_bytes(pack_network(variables))
    with pytest.raises(WeightsError, match=sentence):
        save_encoder(tmp_path / "model.bin", tmp_path / "encoder")
    assert not (tmp_path / "encoder").exists()


def test_a_network_without_an_encoder(tmp_path: Path) -> None:
    variables = {key: value for key, value in make_variables(make_network()).items() if "conv1" not in key}
    (tmp_path / "model.bin").write_bytes(pack_network(variables))
    with pytest.raises(WeightsError, match="no complete Whisper encoder"):
        save_encoder(tmp_path / "model.bin", tmp_path / "encoder")


@pytest.fixture
def whisper() -> Path:
    """The folder of the published network."""
    folder = weights.find("whisper-base")
    if folder is None:
        pytest.skip("needs `mmerc weights fetch whisper-base`")
    return folder


@pytest.fixture
def published(whisper: Path) -> Any:
    """The published network as CTranslate2 runs it, in float32."""
    module = pytest.importorskip("faster_whisper")
    return module.WhisperModel(str(whisper), device="cpu", compute_type="float32", cpu_threads=1)


@pytest.mark.realdata
def test_the_published_network_computes_what_ctranslate2_computes(
    whisper: Path, published: Any, real_data: Path
) -> None:
    clip = Clip(
        real_data / "ravdess" / "Actor_21" / "03-01-05-02-01-01-21.flac"
    )  # "Kids are talking by the door", angry
    extractor = AutoFeatureExtractor.from_pretrained(whisper / "encoder")
    spectrogram = extractor(read_waveform(clip), sampling_rate=16_000, return_tensors="np").input_features
    encoded = published.encode(spectrogram[0])
    expected = torch.from_numpy(np.array(encoded))

    settings = WhisperConfig(
        d_model=512, encoder_layers=6, decoder_layers=6, encoder_attention_heads=8, decoder_attention_heads=8,
        encoder_ffn_dim=2048, decoder_ffn_dim=2048,
    )  # fmt: skip
    network = WhisperModel(settings).eval()
    tensors = convert_whisper(read_ctranslate2(whisper / "model.bin", "WhisperSpec"))
    network.load_state_dict({key: tensor.float() for key, tensor in tensors.items()}, strict=True)
    kept = AutoModel.from_pretrained(whisper / "encoder").eval().get_encoder()
    prompt = [50258, 50259, 50359, 50363]  # transcribe English without timestamps
    with torch.no_grad():
        found = kept(torch.from_numpy(spectrogram)).last_hidden_state
        # In float64, so that only CTranslate2 rounds: in float32 the two together differ by 0.0011 on a processor with AVX2.
        exact = deepcopy(kept).double()(torch.from_numpy(spectrogram).double()).last_hidden_state
        assert (exact - expected).abs().max() < 1e-3
        assert torch.equal(found, network.encoder(torch.from_numpy(spectrogram)).last_hidden_state)
        tokens = list(prompt)
        for _ in range(7):  # greedy search with the decoder
            states = network.decoder(torch.tensor([tokens]), encoder_hidden_states=found).last_hidden_state[0, -1]
            tokens.append(int((network.decoder.embed_tokens.weight @ states).argmax()))
    [result] = published.model.generate(encoded, [prompt], beam_size=1, suppress_tokens=[], suppress_blank=False)
    assert tokens[4:] == result.sequences_ids[0][:7] and len(result.sequences_ids[0]) >= 7
