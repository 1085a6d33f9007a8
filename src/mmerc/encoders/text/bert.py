"""The BERT family as text encoder: [CLS] at the start, the emotion loss and optionally the next-sentence loss.

The default backbone `minilm` is installed with the extra of that name, so nothing has to be downloaded.
"""

from typing import ClassVar

from pydantic import Field
from torch import nn
from transformers import PreTrainedTokenizerBase

from mmerc.encoders.text.backbone import find_backbone, load_backbone
from mmerc.encoders.text.bidirectional import SPECIAL_TOKENS, create_scratch_network, get_special_token_ids
from mmerc.encoders.text.config import BACKBONE, SCRATCH
from mmerc.encoders.text.input import CURRENT_SPEAKER, OTHER_SPEAKER, Vocabulary
from mmerc.encoders.text.utterance import UtteranceConfig, UtteranceText


class BertTextConfig(UtteranceConfig):
    """Settings of the BERT family."""

    backbone: str = Field("minilm", description=f"minilm, mpnet, {BACKBONE}")
    language_model_weight: float = Field(
        0.0, ge=0, le=0, description="always 0: a bidirectional network has no language-model loss"
    )


class Bert(UtteranceText):
    """A bidirectional network. [CLS] is the first token, [SEP] separates the utterances."""

    Config = BertTextConfig
    is_cls_last = False
    special_tokens = tuple(SPECIAL_TOKENS.values())
    named_tokens: ClassVar = SPECIAL_TOKENS
    config: BertTextConfig

    @classmethod
    def create_backbone(cls, config: BertTextConfig) -> tuple[nn.Module, PreTrainedTokenizerBase]:
        if config.backbone == SCRATCH:
            return create_scratch_network(config), cls.train_tokenizer([], config.scratch_vocab_size)
        return load_backbone(find_backbone(config.backbone), pretrained=config.pretrained)

    def _set_tokenizer(self, tokenizer: PreTrainedTokenizerBase) -> None:
        super()._set_tokenizer(tokenizer)
        cls_token, sep_token = get_special_token_ids(tokenizer)
        self.vocabulary = Vocabulary(
            tokenize=self.tokenize,
            start_token=cls_token,
            end_token=sep_token,
            cls_token=cls_token,
            turn_tokens={CURRENT_SPEAKER: sep_token, OTHER_SPEAKER: sep_token},
        )
