"""The article's text model: GPT with emotion, next-sentence and language-model heads (Section 4.1.1, Eq. 1).

The scheme is Wolf et al.'s TransferTransfo; its input is built on explicit speakers and segments (reading note 9).
`backbone: scratch` is a small GPT with a byte-level BPE vocabulary learned from the corpus.
"""

from collections.abc import Iterator, Sequence

from pydantic import Field
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from transformers import AutoModel, GPT2Config, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from mmerc.corpora import Dialogue
from mmerc.encoders.encoder import EncoderConfig
from mmerc.encoders.text import TextConfig, TextEncoder, load_backbone
from mmerc.encoders.turns import NOBODY, OTHER, TARGET, Vocabulary

MARKS = {
    "opening": "<bos>",
    "closing": "<eos>",
    "cls": "<cls>",
    "target": "<target>",
    "other": "<other>",
    "pad": "<pad>",
}


class GptConfig(TextConfig):
    backbone: str = "openai-gpt"
    next_sentence: float = Field(1.0, ge=0)
    language_model: float = Field(1.0, ge=0)
    scratch_vocabulary: int = Field(2000, ge=300)


class Gpt(TextEncoder):
    """Causal network; [CLS] stands at the end, where everything has been seen."""

    Config = GptConfig
    cls_last = True
    config: GptConfig

    def __init__(
        self,
        config: EncoderConfig,
        classes: int,
        backbone: nn.Module | None = None,
        tokenizer: PreTrainedTokenizerBase | None = None,
    ) -> None:
        assert isinstance(config, GptConfig)
        if backbone is None or tokenizer is None:
            if config.backbone == "scratch":
                tokenizer = learned_tokenizer([], config.scratch_vocabulary)
                backbone = _small(config, config.scratch_vocabulary)
            else:
                backbone, tokenizer = load_backbone(config.backbone, pretrained=config.pretrained)
                tokenizer.add_special_tokens({"additional_special_tokens": list(MARKS.values())})
                backbone.resize_token_embeddings(len(tokenizer), mean_resizing=False)  # type: ignore[operator]
        super().__init__(config, classes, backbone, tokenizer)

    @classmethod
    def _vocabulary(cls, tokenizer: PreTrainedTokenizerBase) -> Vocabulary:
        mark = {name: int(tokenizer.convert_tokens_to_ids(token)) for name, token in MARKS.items()}
        return Vocabulary(
            tokenize=lambda text: tokenizer.encode(text, add_special_tokens=False),
            opening=mark["opening"],
            turn={NOBODY: mark["cls"], TARGET: mark["target"], OTHER: mark["other"]},
            closing=mark["closing"],
        )

    def adapt(self, dialogues: Sequence[Dialogue]) -> None:
        if self.config.backbone == "scratch":
            texts = (turn.text for dialogue in dialogues for turn in dialogue.utterances if turn.text)
            self.tokenizer = learned_tokenizer(texts, self.config.scratch_vocabulary)
            self.vocabulary = self._vocabulary(self.tokenizer)
        super().adapt(dialogues)


def _small(config: GptConfig, vocabulary: int) -> nn.Module:
    return AutoModel.from_config(
        GPT2Config(
            vocab_size=vocabulary,
            n_positions=config.longest,
            n_embd=config.scratch_width,
            n_layer=config.scratch_layers,
            n_head=max(1, config.scratch_width // 32),
            bos_token_id=0,
            eos_token_id=1,  # the first two of MARKS
        )
    )


def learned_tokenizer(texts: Iterator[str] | list[str], size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE vocabulary of at most `size` entries: no text is unknown to it, whatever its script."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(MARKS.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=MARKS["pad"])
