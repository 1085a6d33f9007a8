"""Tiny, randomly initialised speech networks of transformers, saved as their publishers do."""

from pathlib import Path
from typing import Any

import numpy as np
from transformers import (
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

CONVOLUTIONS: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16,
    "conv_dim": (8, 8), "conv_kernel": (400, 3), "conv_stride": (160, 2),
    "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2, "num_feat_extract_layers": 2,
}  # fmt: skip
FAMILIES = {
    "wav2vec2": (Wav2Vec2Model, Wav2Vec2Config),
    "hubert": (HubertModel, HubertConfig),
    "wavlm": (WavLMModel, WavLMConfig),
}


def save_speech_network(family: str, folder: Path) -> Path:
    """Save a network of this family with vectors of 16 numbers and 2 layers."""
    if family == "whisper":
        small = WhisperConfig(
            d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
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


def make_samples(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(int(seconds * 16_000)) * 3000).astype(np.int16)
