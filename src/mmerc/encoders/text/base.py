"""The base class of the text encoders: a network of transformers with speaker and segment embeddings, and its losses.

The loss (paper, Eq. 1) is emotion + next sentence + language model. The last two have weights, which may be 0.
"""

import random
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from mmerc.config import Protocol
from mmerc.corpora import Dialogue, Utterance
from mmerc.encoders.base import Batch, Classifier, Encoder, EncoderConfig, Encoding, Example, masked_mean, pad_arrays
from mmerc.encoders.text.backbone import prepare_backbone, read_backbone
from mmerc.encoders.text.config import TextConfig, trains_tokenizer
from mmerc.encoders.text.distractors import DistractorPool
from mmerc.encoders.text.input import (
    CURRENT,
    NO_SPEAKER,
    NUM_SEGMENTS,
    NUM_SPEAKERS,
    REPLY,
    SEGMENT,
    SPEAKER,
    SPECIAL,
    TOKEN,
    Vocabulary,
    build_input,
)
from mmerc.encoders.text.lora import add_lora, merge_lora
from mmerc.encoders.text.losses import language_model_loss, next_sentence_loss
from mmerc.encoders.text.tokenizer import normalize_typography, train_tokenizer
from mmerc.errors import ConfigError
from mmerc.hardware import autocast_bf16

LENGTH_MULTIPLE = 16  # lengths are padded to it: oneDNN compiles and keeps a kernel for every shape
BACKBONE_FOLDER = "backbone"  # in the folder of a saved encoder


class TextEncoder(Encoder):
    """A network of transformers that reads an utterance in its dialogue. Subclasses define the form of its input.

    The sequence of stage 2 is [CLS] followed by the tokens of the current utterance.
    """

    Config: ClassVar[type[EncoderConfig]] = TextConfig
    is_cls_last: ClassVar[bool]  # a causal network sees the whole input only at its end
    special_tokens: ClassVar[tuple[str, ...]]  # of a learned vocabulary
    named_tokens: ClassVar[dict[str, str]]  # those that transformers knows by name
    config: TextConfig
    backbone: Any

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
        backbone, self.tokenizer = parts or self.create_backbone(config)
        self.backbone = prepare_backbone(backbone, bf16=config.bf16)
        self.vocabulary = self._create_vocabulary(self.tokenizer)
        self._check_max_tokens()
        self.width = int(self.backbone.config.hidden_size)
        # They are added to the backbone's own position and type embeddings. Small values preserve its pre-training.
        self.speakers = nn.Embedding(NUM_SPEAKERS, self.width)
        self.segments = nn.Embedding(NUM_SEGMENTS, self.width)
        nn.init.normal_(self.speakers.weight, std=0.02)
        nn.init.normal_(self.segments.weight, std=0.02)
        self.next_sentence = nn.Linear(self.width, 1) if config.next_sentence_weight else None
        pooled_size = self.width * (2 if config.pooling == "both" else 1)
        self.emotion = Classifier(pooled_size, num_classes, hidden_size=self.width)
        self.pool = DistractorPool()

    @classmethod
    @abstractmethod
    def create_backbone(cls, config: Any) -> tuple[nn.Module, PreTrainedTokenizerBase]:
        """Return the backbone and the tokenizer with which training starts."""

    @classmethod
    def train_tokenizer(cls, texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
        """Learn a vocabulary that has the special tokens of this class (see `tokenizer.train_tokenizer`)."""
        return train_tokenizer(texts, vocab_size, cls.special_tokens, cls.named_tokens)

    @classmethod
    @abstractmethod
    def _create_vocabulary(cls, tokenizer: PreTrainedTokenizerBase) -> Vocabulary: ...

    def _check_max_tokens(self) -> None:
        limit = getattr(self.backbone.config, "max_position_embeddings", None)
        if isinstance(limit, int) and self.config.max_tokens > limit:
            raise ConfigError(
                f"max_tokens is {self.config.max_tokens}, but the backbone reads at most {limit} tokens: "
                f"set max_tokens to {limit} or less."
            )

    @property
    def embedding(self) -> nn.Embedding:
        """The token embedding of the backbone."""
        embedding = self.backbone.get_input_embeddings()
        assert isinstance(embedding, nn.Embedding)
        return embedding

    @property
    def candidate(self) -> int:
        """The segment that the next-sentence and language-model losses are computed on: the reply, if it may be read."""
        return REPLY if self.protocol == "offline" else CURRENT

    def adapt(self, dialogues: Sequence[Dialogue]) -> None:
        """Learn the vocabulary of a scratch network, add LoRA updates, and collect the distractors, each if configured."""
        if trains_tokenizer(self.config):
            texts = [utterance.text for dialogue in dialogues for utterance in dialogue.utterances if utterance.text]
            self.tokenizer = self.train_tokenizer(map(normalize_typography, texts), self.config.scratch_vocab_size)
            self.vocabulary = self._create_vocabulary(self.tokenizer)
        if self.config.lora_rank:
            add_lora(self.backbone, self.config.lora_rank)
        if self.config.next_sentence_weight:
            self.pool = DistractorPool.collect(dialogues, self.vocabulary.tokenize)

    def prepare(self, dialogue: Dialogue, index: int) -> Int[np.ndarray, "L 3"]:
        """Return token ID, speaker and segment of each token (see `input.build_input`)."""
        return build_input(
            dialogue,
            index,
            self.vocabulary,
            protocol=self.protocol,
            history=self.config.history,
            future=self.config.future,
            max_tokens=self.config.max_tokens - (1 if self.is_cls_last else 0),  # `collate` adds [CLS]
        )

    def example_input(self, length: int) -> Int[np.ndarray, "L 3"]:
        utterances = tuple(
            Utterance("example", 0, index, speaker=speaker, text="well " * length)
            for index, speaker in enumerate("ABA")
        )
        return self.prepare(Dialogue("example", 0, utterances), 1)

    def collate(self, examples: Sequence[Example], rng: random.Random | None = None) -> Batch:
        """Return a batch of N = B * K inputs: K candidates per utterance, of which the first is the true one.

        K is 1 if `rng` is None or the pool of distractors is empty.
        """
        rows = [example.values for example in examples]
        candidates = 1
        if rng is not None and len(self.pool):
            candidates = 1 + self.config.num_distractors
            rows = []
            for example in examples:
                rows.append(example.values)
                for _ in range(self.config.num_distractors):
                    rows.append(self.pool.replace_candidate(example, self.candidate, self.config.max_tokens, rng))
        if self.is_cls_last:
            cls = np.asarray([[self.vocabulary.cls_token, NO_SPEAKER, SPECIAL]], np.int32)
            rows = [np.concatenate([row, cls]) for row in rows]
        tokens, mask = pad_arrays(rows, multiple=LENGTH_MULTIPLE, max_length=self.config.max_tokens)
        return {
            "tokens": tokens.long(),  # [N, L, 3]
            "mask": mask,  # [N, L]
            "has_candidate": torch.tensor([self._has_candidate(example.values) for example in examples]),  # [B]
            "candidates": torch.tensor(candidates),  # K
            "with_losses": torch.tensor(rng is not None),
        }

    def _has_candidate(self, row: np.ndarray) -> bool:
        """Return whether the input has a candidate and something before it that predicts it."""
        segments = set(row[:, SEGMENT].tolist())
        return self.candidate in segments and len(segments - {SPECIAL}) > 1

    def forward(self, batch: Batch) -> Encoding:
        tokens, mask, candidates = batch["tokens"], batch["mask"], int(batch["candidates"])
        hidden = self._run_backbone(tokens, mask)  # [N, L, d]
        if self.is_cls_last:
            cls = hidden[torch.arange(mask.shape[0], device=mask.device), mask.sum(1) - 1]  # [N, d]
        else:
            cls = hidden[:, 0]  # [N, d]
        true_tokens, true_hidden, true_cls = tokens[::candidates], hidden[::candidates], cls[::candidates]  # [B, ...]
        is_current = (true_tokens[..., SEGMENT] == CURRENT) & mask[::candidates]  # [B, L]
        vectors = {"cls": [true_cls], "current": [masked_mean(true_hidden, is_current)]}
        vectors["both"] = vectors["cls"] + vectors["current"]
        logits = self.emotion(torch.cat(vectors[self.config.pooling], -1))  # [B, C]
        losses, metrics = self._additional_losses(batch, cls, true_hidden)
        return Encoding(*pack_current(true_hidden, is_current, true_cls), logits, losses, metrics)

    def _run_backbone(self, tokens: Int[Tensor, "N L 3"], mask: Bool[Tensor, "N L"]) -> Float[Tensor, "N L d"]:
        speakers, segments = self.speakers(tokens[..., SPEAKER]), self.segments(tokens[..., SEGMENT])
        embedded = self.embedding(tokens[..., TOKEN]) + speakers + segments
        with autocast_bf16(tokens.device, enabled=self.config.bf16):
            hidden: Tensor = self.backbone(inputs_embeds=embedded, attention_mask=mask.long()).last_hidden_state
        return hidden.float()

    def _additional_losses(
        self, batch: Batch, cls: Float[Tensor, "N d"], true_hidden: Float[Tensor, "B L d"]
    ) -> tuple[dict[str, Tensor], dict[str, tuple[Tensor, Tensor]]]:
        losses: dict[str, Tensor] = {}
        metrics: dict[str, tuple[Tensor, Tensor]] = {}
        candidates = int(batch["candidates"])
        if self.next_sentence is not None and candidates > 1:
            scores = self.next_sentence(cls).reshape(-1, candidates)  # [B, K]
            loss, correct, count = next_sentence_loss(scores, batch["has_candidate"])
            losses["next_sentence"] = self.config.next_sentence_weight * loss
            metrics["next_sentence_accuracy"] = (correct, count)
        if self.config.language_model_weight and batch["with_losses"]:
            true_tokens = batch["tokens"][::candidates]
            total, count = language_model_loss(true_tokens, true_hidden, self.embedding.weight, self.candidate)
            losses["language_model"] = self.config.language_model_weight * total / count.clamp(min=1)
            metrics["log_perplexity"] = (total.detach(), count)
        return losses, metrics

    def tensors_to_save(self) -> dict[str, Tensor]:
        return merge_lora(self)

    def save(self, folder: Path) -> None:
        super().save(folder)
        self.backbone.config.save_pretrained(folder / BACKBONE_FOLDER)
        self.tokenizer.save_pretrained(folder / BACKBONE_FOLDER)

    @classmethod
    def _rebuild(cls, folder: Path, config: EncoderConfig, num_classes: int, *, protocol: Protocol) -> Encoder:
        return cls(config, num_classes, read_backbone(folder / BACKBONE_FOLDER), protocol=protocol)


def pack_current(
    hidden: Float[Tensor, "B L d"], is_current: Bool[Tensor, "B L"], cls: Float[Tensor, "B d"]
) -> tuple[Float[Tensor, "B T d"], Bool[Tensor, "B T"]]:
    """Return [CLS] and the vectors of the current utterance, moved to the front, and their padding mask."""
    length = is_current.shape[1]
    position = torch.arange(length, device=is_current.device)  # [L]
    order = (position + length * ~is_current).argsort(dim=1)[:, : is_current.sum(1).max()]  # [B, T - 1]
    current = torch.gather(hidden, 1, order[..., None].expand(-1, -1, hidden.shape[-1]))  # [B, T - 1, d]
    mask = torch.gather(is_current, 1, order)  # [B, T - 1]
    return torch.cat([cls[:, None], current * mask[..., None]], 1), F.pad(mask, (1, 0), value=True)
