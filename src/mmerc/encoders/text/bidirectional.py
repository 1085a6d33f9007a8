"""What the encoders with a bidirectional network (the BERT family) share: the special tokens and the backbone."""

from typing import Any, ClassVar

from torch import nn
from transformers import AutoModel, BertConfig, PreTrainedTokenizerBase

from mmerc.encoders.text.backbone import find_backbone, load_backbone
from mmerc.encoders.text.base import TextEncoder
from mmerc.encoders.text.config import HEAD_SIZE, SCRATCH, TextConfig
from mmerc.errors import WeightsError

SPECIAL_TOKENS = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}  # nosec B105: tokens of text


class BidirectionalText(TextEncoder):
    """A text encoder with a bidirectional backbone. `cls_token` and `sep_token` are the IDs of [CLS] and [SEP]."""

    special_tokens = tuple(SPECIAL_TOKENS.values())
    named_tokens: ClassVar = SPECIAL_TOKENS

    @classmethod
    def create_backbone(cls, config: Any) -> tuple[nn.Module, PreTrainedTokenizerBase]:
        if config.backbone == SCRATCH:
            return create_scratch_network(config), cls.train_tokenizer([], config.scratch_vocab_size)
        return load_backbone(find_backbone(config.backbone), pretrained=config.pretrained)

    def _set_tokenizer(self, tokenizer: PreTrainedTokenizerBase) -> None:
        super()._set_tokenizer(tokenizer)
        self.cls_token, self.sep_token = get_special_token_ids(tokenizer)


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
