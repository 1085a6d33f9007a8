"""Tiny, randomly initialised speech networks of transformers: loading, shapes, freezing, saving."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperModel,
)

from mmerc.encoders.audio.speech_transformer import SpeechTransformer, SpeechTransformerConfig
from mmerc.encoders.base import Example
from mmerc.errors import WeightsError

CONVOLUTIONS: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
    "conv_dim": (8, 8), "conv_kernel": (400, 3), "conv_stride": (160, 2),
    "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2, "num_feat_extract_layers": 2,
}  # fmt: skip
FAMILIES = {
    "wav2vec2": (Wav2Vec2Model, Wav2Vec2Config),
    "hubert": (HubertModel, HubertConfig),
    "wavlm": (WavLMModel, WavLMConfig),
}


def save_network(family: str, folder: Path) -> Path:
    """Save a network of this family as its publisher does."""
    if family == "whisper":
        small = WhisperConfig(
            d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
            encoder_ffn_dim=16, decoder_ffn_dim=16, vocab_size=20, pad_token_id=0, bos_token_id=1, eos_token_id=2,
            decoder_start_token_id=1,
        )  # fmt: skip
        WhisperModel(small).save_pretrained(folder)
        WhisperFeatureExtractor().save_pretrained(folder)
    else:
        network, settings = FAMILIES[family]
        network(settings(**CONVOLUTIONS)).save_pretrained(folder)
        Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder)
    return folder


def make_samples(seconds: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.standard_normal(int(seconds * 16_000)) * 3000).astype(np.int16)


def make_examples(*seconds: float) -> list[Example]:
    return [Example(("t", "0", str(number)), make_samples(length)) for number, length in enumerate(seconds)]


@pytest.mark.parametrize(("family", "steps"), [("wav2vec2", 48), ("hubert", 48), ("wavlm", 48), ("whisper", 50)])
def test_a_network_by_folder_is_loaded_saved_and_restored(family: str, steps: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    folder = save_network(family, tmp_path / "hub")
    encoder = SpeechTransformer(SpeechTransformerConfig(encoder="speech_transformer", backbone=str(folder)), 7).eval()
    batch = encoder.collate(make_examples(1.0, 0.06))
    out = encoder(batch)
    assert out.logits.shape == (2, 7) and out.sequence.shape[2] == 16
    assert int(out.mask[0].sum()) == steps  # 20 ms a step
    assert not out.sequence[~out.mask].any()

    (tmp_path / "saved").mkdir()
    encoder.save(tmp_path / "saved")
    folder.rename(tmp_path / "gone")
    restored = SpeechTransformer.restore(tmp_path / "saved")
    assert torch.allclose(restored(batch).logits, out.logits, atol=1e-6)
    assert restored.config == encoder.config.model_copy(update={"pretrained": False})


def test_a_frozen_backbone_is_not_trained(tmp_path: Path) -> None:
    folder = save_network("wav2vec2", tmp_path)
    encoder = SpeechTransformer(
        SpeechTransformerConfig(encoder="speech_transformer", backbone=str(folder), frozen=True), 7
    ).train()
    trained = {name.split(".")[0] for name, value in encoder.named_parameters() if value.requires_grad}
    assert trained == {"attention", "emotion"}
    assert encoder.emotion.training and not encoder.backbone.training


def test_a_network_that_reads_no_waveform_is_an_error(tmp_path: Path) -> None:
    BertConfig(hidden_size=24, num_hidden_layers=1).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    settings = SpeechTransformerConfig(encoder="speech_transformer", backbone=str(tmp_path), pretrained=False)
    with pytest.raises(WeightsError, match="bert network, which reads no waveform"):
        SpeechTransformer(settings, 7)
    with pytest.raises(WeightsError, match=r": download it .* and set backbone to its folder\."):
        SpeechTransformer(settings.model_copy(update={"backbone": "/no/such/place"}), 7)
