"""Whisper from CTranslate2 to transformers: the tensors' names, and a folder with the encoder."""

import re
from pathlib import Path

from mmerc.errors import WeightsError
from mmerc.weights.ctranslate2 import read_ctranslate2
from mmerc.weights.tensors import Tensors, write_tensors

# Names without the layer. A tensor with several names is divided into equal parts along its first dimension.
MODULES = {
    "conv1": ["conv1"],
    "conv2": ["conv2"],
    "layer_norm": ["layer_norm"],
    "position_encodings": ["embed_positions"],
    "embeddings": ["embed_tokens"],
    "self_attention/layer_norm": ["self_attn_layer_norm"],
    "self_attention/linear_0": ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    "self_attention/linear_1": ["self_attn.out_proj"],
    "attention/layer_norm": ["encoder_attn_layer_norm"],
    "attention/linear_0": ["encoder_attn.q_proj"],
    "attention/linear_1": ["encoder_attn.k_proj", "encoder_attn.v_proj"],
    "attention/linear_2": ["encoder_attn.out_proj"],
    "ffn/layer_norm": ["final_layer_norm"],
    "ffn/linear_0": ["fc1"],
    "ffn/linear_1": ["fc2"],
}
PARAMETERS = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias", "encodings": "weight"}
NAME = re.compile(r"(encoder|decoder)/(?:layer_(\d{1,4})/)?(.+)/(\w+)")
# What describes the network and is no parameter; the projection is an alias of the decoder's embeddings.
OTHER = re.compile(
    r"decoder/projection/weight|(encoder|decoder)/(activation|alibi|alignment_heads|alignment_layer|num_heads|"
    r"pre_norm|scale_embeddings|start_from_zero_embedding)"
)


def convert_whisper(variables: Tensors) -> Tensors:
    """The parameters of `transformers.WhisperModel` from the variables of CTranslate2. Their types stay as they are.

    Raises:
        WeightsError: a variable is unknown, or the network is quantised.
    """
    tensors: Tensors = {}
    for name, tensor in variables.items():
        if OTHER.fullmatch(name):
            continue
        match = NAME.fullmatch(name)
        modules = MODULES.get(match[3], []) if match else []
        if match is None or not modules or match[4] not in PARAMETERS:
            raise WeightsError(f'a Whisper network has no variable "{name[:80]}": fetch or copy the network again.')
        if not tensor.is_floating_point():
            raise WeightsError(f"{name} is quantised ({tensor.dtype}): use a network in float16 or float32.")
        if not tensor.ndim or tensor.shape[0] % len(modules):
            raise WeightsError(f"{name} has the shape {list(tensor.shape)}: fetch or copy the network again.")
        prefix = f"{match[1]}.layers.{match[2]}." if match[2] else f"{match[1]}."
        for module, part in zip(modules, tensor.chunk(len(modules)), strict=True):
            key = f"{prefix}{module}.{PARAMETERS[match[4]]}"
            # Whisper's keys have no bias, which CTranslate2 stores as zeros.
            if not key.endswith("k_proj.bias"):
                tensors[key] = part.clone()
    return tensors


def save_encoder(file: Path, folder: Path) -> None:
    """Write the encoder of a `model.bin` as a folder of transformers, with the configuration of its feature extractor.

    `AutoModel` loads it in float32, as a Whisper whose decoder has no layers.

    Raises:
        WeightsError: the file is damaged, or it is not a Whisper network.
    """
    from transformers import WhisperConfig, WhisperFeatureExtractor  # imported here: only a conversion needs them

    variables = read_ctranslate2(file, "WhisperSpec")
    tensors = {key: tensor for key, tensor in convert_whisper(variables).items() if key.startswith("encoder.")}
    try:
        width, bins, _ = tensors["encoder.conv1.weight"].shape
        config = WhisperConfig(
            d_model=width,
            num_mel_bins=bins,
            encoder_layers=sum(key.endswith(".fc1.weight") for key in tensors),
            encoder_attention_heads=int(variables["encoder/num_heads"]),
            encoder_ffn_dim=len(tensors["encoder.layers.0.fc1.weight"]),
            max_source_positions=len(tensors["encoder.embed_positions.weight"]),
            decoder_layers=0,
            max_target_positions=1,
            vocab_size=1,
            pad_token_id=0,
            bos_token_id=0,
            eos_token_id=0,
            decoder_start_token_id=0,
            begin_suppress_tokens=None,
            architectures=["WhisperModel"],
            dtype="float32",
        )
    except (KeyError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{file} has no complete Whisper encoder ({error}): fetch or copy it again.") from error
    folder.mkdir()
    config.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=bins).save_pretrained(folder)
    write_tensors(folder / "model.safetensors", tensors, metadata={"format": "pt"})
