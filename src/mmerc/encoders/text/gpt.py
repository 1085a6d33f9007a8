"""The paper's text model: GPT with emotion, next-sentence and language-model heads (Section 4.1.1, Eq. 1).

The scheme is Wolf et al.'s TransferTransfo; its input is built on explicit speakers and segments (reading note 9).
`backbone: scratch` is a small GPT with a byte-level BPE vocabulary learned from the corpus.
"""

from typing import ClassVar

from pydantic import Field
from torch import nn
from transformers import AutoModel, GPT2Config, OpenAIGPTConfig, PreTrainedTokenizerBase

from mmerc.encoders.pretrained import load_backbone, plain_tokenizer
from mmerc.encoders.text.base import TextConfig, TextEncoder, learns_vocabulary
from mmerc.encoders.text.input import NOBODY, OTHER, TARGET, Vocabulary

MARKS = {
    "opening": "<bos>",
    "closing": "<eos>",
    "cls": "<cls>",
    "target": "<target>",
    "other": "<other>",
    "pad": "<pad>",
}


class GptConfig(TextConfig):
    backbone: str = Field("openai-gpt", description="as of every text, but for minilm, which is a BERT")
    next_sentence: float = Field(1.0, ge=0, description="as of every text")
    language_model: float = Field(1.0, ge=0, description="as of every text")


class Gpt(TextEncoder):
    """Causal network; [CLS] stands at the end, where everything has been seen."""

    Config = GptConfig
    cls_last = True
    specials = tuple(MARKS.values())
    named_specials: ClassVar = {"pad_token": MARKS["pad"]}
    config: GptConfig

    @classmethod
    def fresh(cls, config: GptConfig) -> tuple[nn.Module, PreTrainedTokenizerBase]:
        if config.backbone == "scratch":
            return _small(config), cls.learned_tokenizer([], config.scratch_vocabulary)
        if learns_vocabulary(config):  # the paper's network without its weights
            size = OpenAIGPTConfig(vocab_size=config.scratch_vocabulary, n_positions=max(512, config.longest))
            return AutoModel.from_config(size), cls.learned_tokenizer([], config.scratch_vocabulary)
        backbone, tokenizer = load_backbone(
            config.backbone, pretrained=config.pretrained, attention_dropout=config.attention_dropout
        )
        tokenizer.add_special_tokens({"additional_special_tokens": list(MARKS.values())})
        backbone.resize_token_embeddings(len(tokenizer), mean_resizing=False)  # type: ignore[operator]
        return backbone, tokenizer

    @classmethod
    def _vocabulary(cls, tokenizer: PreTrainedTokenizerBase) -> Vocabulary:
        mark = {name: int(tokenizer.convert_tokens_to_ids(token)) for name, token in MARKS.items()}
        return Vocabulary(
            tokenize=plain_tokenizer(tokenizer),
            opening=mark["opening"],
            turn={NOBODY: mark["cls"], TARGET: mark["target"], OTHER: mark["other"]},
            closing=mark["closing"],
        )


def _small(config: GptConfig) -> nn.Module:
    return AutoModel.from_config(
        GPT2Config(
            vocab_size=config.scratch_vocabulary,
            n_positions=config.longest,
            n_embd=config.scratch_width,
            n_layer=config.scratch_layers,
            n_head=max(1, config.scratch_width // 32),
            bos_token_id=0,
            eos_token_id=1,  # the first two of MARKS
        )
    )
