"""The base class of the text encoders: a network of transformers and its tokenizer."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from mmerc.config import Protocol
from mmerc.corpora import Dialogue
from mmerc.encoders.base import Classifier, Encoder, EncoderConfig
from mmerc.encoders.text.backbone import create_saved_backbone, prepare_backbone
from mmerc.encoders.text.config import TextConfig, has_learned_vocabulary
from mmerc.encoders.text.tokenizer import make_tokenizer, normalize_typography, train_tokenizer
from mmerc.errors import ConfigError
from mmerc.hardware import autocast_bf16, pack_linear_layers

LENGTH_MULTIPLE = 16  # lengths are padded to it: oneDNN compiles and keeps a kernel for every shape
BACKBONE_FOLDER = "backbone"  # in the folder of a saved encoder


class TextEncoder(Encoder):
    """A network of transformers that reads text. Subclasses define the form of its input, and the classifier."""

    Config: ClassVar[type[EncoderConfig]] = TextConfig
    depends_on_protocol = True
    adapt_changes_inputs = True
    special_tokens: ClassVar[tuple[str, ...]]  # of a learned vocabulary
    named_tokens: ClassVar[dict[str, str]]  # those that transformers knows by name
    config: TextConfig
    backbone: Any
    emotion: Classifier

    def __init__(
        self,
        config: EncoderConfig,
        num_classes: int,
        parts: tuple[nn.Module, PreTrainedTokenizerBase] | None = None,
        *,
        protocol: Protocol = "offline",
    ) -> None:
        """`parts` are the backbone and the tokenizer of a model folder; by default they are created from `config`.

        Raises:
            ConfigError: `max_tokens` is more than the backbone can read.
            WeightsError: the backbone cannot be loaded.
        """
        assert isinstance(config, TextConfig)
        super().__init__(config, num_classes, protocol=protocol)
        backbone, tokenizer = parts or self.create_backbone(config)
        self.backbone = prepare_backbone(backbone, bf16=config.bf16)
        self._set_tokenizer(tokenizer)
        self._check_max_tokens()
        self.width = int(self.backbone.config.hidden_size)
        self._create_layers()

    @abstractmethod
    def _create_layers(self) -> None:
        """Create the layers around the backbone, among them the classifier `emotion`."""

    @classmethod
    @abstractmethod
    def create_backbone(cls, config: Any) -> tuple[nn.Module, PreTrainedTokenizerBase]:
        """Return the backbone and the tokenizer with which training starts."""

    @classmethod
    def train_tokenizer(cls, texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
        """Learn a vocabulary that has the special tokens of this class (see `tokenizer.train_tokenizer`)."""
        return train_tokenizer(texts, vocab_size, cls.special_tokens, cls.named_tokens)

    def _set_tokenizer(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Take the tokenizer. `tokenize` gives the IDs of a text without special tokens."""
        self.tokenizer, self.tokenize = tokenizer, make_tokenizer(tokenizer)

    def _check_max_tokens(self) -> None:
        limit = getattr(self.backbone.config, "max_position_embeddings", None)
        if not isinstance(limit, int):
            return
        limit -= self.first_position
        if self.config.max_tokens > limit:
            raise ConfigError(
                f"max_tokens is {self.config.max_tokens}, but the backbone reads at most {limit} tokens: "
                f"set max_tokens to {limit} or less."
            )

    @property
    def first_position(self) -> int:
        """The backbone's number for the position of the first token. MPNet and RoBERTa begin after the index of padding."""
        return int(getattr(getattr(self.backbone, "embeddings", None), "padding_idx", -1)) + 1

    @property
    def embedding(self) -> nn.Embedding:
        """The token embedding of the backbone."""
        embedding = self.backbone.get_input_embeddings()
        assert isinstance(embedding, nn.Embedding)
        return embedding

    def adapt(self, dialogues: Sequence[Dialogue]) -> None:
        """Learn the vocabulary of a scratch network."""
        if has_learned_vocabulary(self.config):
            texts = [utterance.text for dialogue in dialogues for utterance in dialogue.utterances if utterance.text]
            self._set_tokenizer(self.train_tokenizer(map(normalize_typography, texts), self.config.scratch_vocab_size))

    def run_backbone(
        self,
        embedded: Float[Tensor, "N L d"],
        mask: Bool[Tensor, "N L"] | Float[Tensor, "N 1 L L"],
        places: Int[Tensor, "N L"] | None = None,
    ) -> Float[Tensor, "N L d"]:
        """Run the backbone on embedded tokens. `mask` is true at the real tokens, or it is added to the attention scores.

        `places` are the positions of the tokens, from 0; by default they count along each row.
        """
        mask = mask.long() if mask.dtype == torch.bool else mask  # as transformers documents it
        positions = {} if places is None else {"position_ids": places + self.first_position}
        with autocast_bf16(embedded.device, enabled=self.config.bf16):
            hidden: Tensor = self.backbone(inputs_embeds=embedded, attention_mask=mask, **positions).last_hidden_state
        return hidden.float()

    def optimize_for_inference(self) -> None:
        if self.config.bf16:
            pack_linear_layers(self.backbone)

    def save(self, folder: Path) -> None:
        super().save(folder)
        self.backbone.config.save_pretrained(folder / BACKBONE_FOLDER)
        self.tokenizer.save_pretrained(folder / BACKBONE_FOLDER)

    @classmethod
    def _rebuild(cls, folder: Path, config: EncoderConfig, num_classes: int, *, protocol: Protocol) -> Encoder:
        return cls(config, num_classes, create_saved_backbone(folder / BACKBONE_FOLDER), protocol=protocol)
