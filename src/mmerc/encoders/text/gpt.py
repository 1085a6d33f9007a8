"""The paper's text model: GPT with emotion, next-sentence and language-model heads (Section 4.1.1, Eq. 1).

It follows TransferTransfo (Wolf et al. 2019), with explicit speakers and segments in the input (reading note 9).
`backbone: scratch` is a small GPT with a byte-level BPE vocabulary learned from the corpus.
"""

from typing import ClassVar

from pydantic import Field
from torch import nn
from transformers import AutoModel, GPT2Config, OpenAIGPTConfig, PreTrainedTokenizerBase

from mmerc.encoders.text.backbone import load_backbone
from mmerc.encoders.text.config import BACKBONE, HEAD_SIZE, SCRATCH, has_learned_vocabulary
from mmerc.encoders.text.input import CURRENT_SPEAKER, OTHER_SPEAKER, Vocabulary
from mmerc.encoders.text.utterance import UtteranceConfig, UtteranceText

SPECIAL_TOKENS = {
    "start": "<bos>",
    "end": "<eos>",
    "cls": "<cls>",
    "current_speaker": "<target>",
    "other_speaker": "<other>",
    "pad": "<pad>",
}


class GptConfig(UtteranceConfig):
    """Settings of causal networks. The defaults are those of the paper."""

    backbone: str = Field("openai-gpt", description=BACKBONE)
    next_sentence_weight: float = Field(1.0, ge=0, description="weight of the next-sentence loss")
    language_model_weight: float = Field(1.0, ge=0, description="weight of the language-model loss")


class Gpt(UtteranceText):
    """A causal network. [CLS] is the last token, which sees the whole input."""

    Config = GptConfig
    is_cls_last = True
    special_tokens = tuple(SPECIAL_TOKENS.values())
    named_tokens: ClassVar = {"pad_token": SPECIAL_TOKENS["pad"]}
    config: GptConfig

    @classmethod
    def create_backbone(cls, config: GptConfig) -> tuple[nn.Module, PreTrainedTokenizerBase]:
        if has_learned_vocabulary(config):
            return _create_scratch_network(config), cls.train_tokenizer([], config.scratch_vocab_size)
        backbone, tokenizer = load_backbone(config.backbone, pretrained=config.pretrained)
        tokenizer.add_special_tokens({"additional_special_tokens": list(cls.special_tokens)})
        backbone.resize_token_embeddings(len(tokenizer), mean_resizing=False)  # type: ignore[operator]
        return backbone, tokenizer

    def _set_tokenizer(self, tokenizer: PreTrainedTokenizerBase) -> None:
        super()._set_tokenizer(tokenizer)
        ids = {name: int(tokenizer.convert_tokens_to_ids(token)) for name, token in SPECIAL_TOKENS.items()}
        self.vocabulary = Vocabulary(
            tokenize=self.tokenize,
            start_token=ids["start"],
            end_token=ids["end"],
            cls_token=ids["cls"],
            turn_tokens={CURRENT_SPEAKER: ids["current_speaker"], OTHER_SPEAKER: ids["other_speaker"]},
        )


def _create_scratch_network(config: GptConfig) -> nn.Module:
    """Create a small GPT, or the paper's network (12 layers) where only its weights are missing."""
    settings: GPT2Config | OpenAIGPTConfig
    if config.backbone == SCRATCH:
        settings = GPT2Config(
            vocab_size=config.scratch_vocab_size,
            n_positions=config.max_tokens,
            n_embd=config.scratch_hidden_size,
            n_layer=config.scratch_num_layers,
            n_head=max(1, config.scratch_hidden_size // HEAD_SIZE),
            bos_token_id=0,
            eos_token_id=1,  # the first two of SPECIAL_TOKENS
        )
    else:
        settings = OpenAIGPTConfig(vocab_size=config.scratch_vocab_size, n_positions=max(512, config.max_tokens))
    network: nn.Module = AutoModel.from_config(settings)
    return network
