"""A writer of CTranslate2's format, and a small Whisper network in it, for the tests."""

import struct
from pathlib import Path

import torch
from transformers import WhisperConfig, WhisperModel

from mmerc.weights.ctranslate2 import DTYPES
from mmerc.weights.tensors import Tensors

SMALL = WhisperConfig(
    d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
    encoder_ffn_dim=24, decoder_ffn_dim=24, num_mel_bins=8, max_source_positions=30, max_target_positions=12,
    vocab_size=20, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, begin_suppress_tokens=None,
)  # fmt: skip


def pack_string(text: str) -> bytes:
    return struct.pack("<H", len(text.encode()) + 1) + text.encode() + b"\0"


def pack_variable(name: str, tensor: torch.Tensor) -> bytes:
    data = tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    shape = struct.pack(f"<B{tensor.ndim}I", tensor.ndim, *tensor.shape)
    return pack_string(name) + shape + struct.pack("<BI", DTYPES.index(tensor.dtype), len(data)) + data


def pack_network(
    variables: Tensors, aliases: dict[str, str] | None = None, *, version: int = 6, kind: str = "WhisperSpec"
) -> bytes:
    parts = [struct.pack("<I", version), pack_string(kind), struct.pack("<II", 3, len(variables))]
    parts += [pack_variable(name, tensor) for name, tensor in variables.items()]
    parts.append(struct.pack("<I", len(aliases or {})))
    parts += [pack_string(alias) + pack_string(name) for alias, name in (aliases or {}).items()]
    return b"".join(parts)


def make_variables(network: WhisperModel) -> Tensors:
    """The network's tensors as CTranslate2 stores them: in float16, the projections of a self-attention in one."""
    state = {name: tensor.half() for name, tensor in network.state_dict().items()}

    def join(attention: str, kind: str, names: str) -> torch.Tensor:
        weight = f"{attention}.q_proj.{kind}"
        zeros = torch.zeros_like(state[weight])  # the key's bias
        return torch.cat([state.get(f"{attention}.{name}_proj.{kind}", zeros) for name in names])

    variables: Tensors = {"encoder/num_heads": torch.tensor(2, dtype=torch.int16)}
    for side in ("encoder", "decoder"):
        modules = {"layer_norm": "layer_norm"} | ({"conv1": "conv1", "conv2": "conv2"} if side == "encoder" else {})
        for layer in range(2 if side == "encoder" else 1):
            old, new = f"layers.{layer}", f"layer_{layer}"
            modules |= {
                f"{new}/self_attention/layer_norm": f"{old}.self_attn_layer_norm",
                f"{new}/self_attention/linear_1": f"{old}.self_attn.out_proj",
                f"{new}/ffn/layer_norm": f"{old}.final_layer_norm",
                f"{new}/ffn/linear_0": f"{old}.fc1",
                f"{new}/ffn/linear_1": f"{old}.fc2",
            }
            if side == "decoder":
                modules |= {
                    f"{new}/attention/layer_norm": f"{old}.encoder_attn_layer_norm",
                    f"{new}/attention/linear_0": f"{old}.encoder_attn.q_proj",
                    f"{new}/attention/linear_2": f"{old}.encoder_attn.out_proj",
                }
            for kind in ("weight", "bias"):
                fused = f"{side}/{new}/self_attention/linear_0/{kind}"
                variables[fused] = join(f"{side}.{old}.self_attn", kind, "qkv")
                if side == "decoder":
                    fused = f"{side}/{new}/attention/linear_1/{kind}"
                    variables[fused] = join(f"{side}.{old}.encoder_attn", kind, "kv")
        for name, module in modules.items():
            norm = name.endswith("layer_norm")
            variables[f"{side}/{name}/{'gamma' if norm else 'weight'}"] = state[f"{side}.{module}.weight"]
            variables[f"{side}/{name}/{'beta' if norm else 'bias'}"] = state[f"{side}.{module}.bias"]
        variables[f"{side}/position_encodings/encodings"] = state[f"{side}.embed_positions.weight"]
    return variables | {"decoder/embeddings/weight": state["decoder.embed_tokens.weight"]}


def make_network() -> WhisperModel:
    torch.manual_seed(0)
    return WhisperModel(SMALL).eval()


def pack_whisper(network: WhisperModel) -> bytes:
    return pack_network(make_variables(network), {"decoder/projection/weight": "decoder/embeddings/weight"})


def write_whisper(file: Path) -> WhisperModel:
    """Write a small random network as a `model.bin`, and return it."""
    network = make_network()
    file.write_bytes(pack_whisper(network))
    return network
