"""What the encoders with a bidirectional network (the BERT family) share: their special tokens and a small network."""

from torch import nn
from transformers import AutoModel, BertConfig, PreTrainedTokenizerBase

from mmerc.encoders.text.config import HEAD_SIZE, TextConfig
from mmerc.errors import WeightsError

SPECIAL_TOKENS = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}


def get_special_token_ids(tokenizer: PreTrainedTokenizerBase) -> tuple[int, int]:
    """Return the IDs of [CLS] and [SEP].

    Raises:
        WeightsError: the tokenizer has none.
    """
    if tokenizer.cls_token_id is None or tokenizer.sep_token_id is None:
        raise WeightsError("the tokenizer of the backbone has no [CLS] and [SEP]: set encoder to gpt for it.")
    return int(tokenizer.cls_token_id), int(tokenizer.sep_token_id)


def create_scratch_network(config: TextConfig) -> nn.Module:
    """Create a small BERT."""
    network: nn.Module = AutoModel.from_config(
        BertConfig(
            vocab_size=config.scratch_vocab_size,
            hidden_size=config.scratch_hidden_size,
            num_hidden_layers=config.scratch_num_layers,
            num_attention_heads=max(1, config.scratch_hidden_size // HEAD_SIZE),
            intermediate_size=4 * config.scratch_hidden_size,
            max_position_embeddings=config.max_tokens,
        )
    )
    return network
