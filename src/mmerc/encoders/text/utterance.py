"""The base class of text encoders that read each utterance with its history and its future, and their losses.

The loss (paper, Eq. 1) is emotion + next sentence + language model. The last two have weights, which may be 0.
"""

import random
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.corpora import Dialogue, Utterance
from mmerc.encoders.base import Batch, Classifier, EncoderConfig, Encoding, Example, compute_masked_mean, pad_arrays
from mmerc.encoders.text.base import LENGTH_MULTIPLE, TextEncoder
from mmerc.encoders.text.config import TextConfig
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
from mmerc.encoders.text.losses import compute_language_model_loss, compute_next_sentence_loss


class UtteranceConfig(TextConfig):
    """Settings of text encoders that read each utterance with its context."""

    history: int = Field(5, ge=0, le=50, description="utterances read before the current one")
    future: int = Field(
        1, ge=0, description="utterances read after the current one, in the offline protocol; the first is the reply"
    )
    max_tokens: int = Field(160, ge=8, description="tokens of the input; the oldest history is cut first")
    num_distractors: int = Field(1, ge=1, description="wrong replies per utterance in the next-sentence loss")
    next_sentence_weight: float = Field(
        0.0, ge=0, description="weight of the next-sentence loss, which selects the true reply among distractors"
    )
    language_model_weight: float = Field(
        0.0, ge=0, description="weight of the language-model loss on the tokens of the reply"
    )
    pooling: Literal["cls", "current", "both"] = Field(
        "cls", description="input of the classifier: [CLS], the mean of the current utterance's tokens, or both"
    )


class UtteranceText(TextEncoder):
    """A network that reads an utterance in its dialogue. Subclasses define the special tokens of its input.

    The sequence of stage 2 is [CLS] followed by the tokens of the current utterance.
    """

    Config: ClassVar[type[EncoderConfig]] = UtteranceConfig
    num_leading_steps = 1
    is_cls_last: ClassVar[bool]  # a causal network sees the whole input only at its end
    config: UtteranceConfig
    vocabulary: Vocabulary  # set with the tokenizer

    def _create_layers(self) -> None:
        # They are added to the backbone's own position and type embeddings. Small values preserve its pre-training.
        self.speakers = nn.Embedding(NUM_SPEAKERS, self.width)
        self.segments = nn.Embedding(NUM_SEGMENTS, self.width)
        nn.init.normal_(self.speakers.weight, std=0.02)
        nn.init.normal_(self.segments.weight, std=0.02)
        self.next_sentence = nn.Linear(self.width, 1) if self.config.next_sentence_weight else None
        pooled_size = self.width * (2 if self.config.pooling == "both" else 1)
        self.emotion = Classifier(pooled_size, self.num_classes, hidden_size=self.width)
        self.distractors = DistractorPool()

    @property
    def candidate_segment(self) -> int:
        """The segment on which the next-sentence and language-model losses are computed.

        It is the reply in the offline protocol, and the current utterance in the online protocol.
        """
        return REPLY if self.protocol == "offline" else CURRENT

    def adapt(self, dialogues: Sequence[Dialogue]) -> None:
        """Learn the vocabulary and collect the distractors, each if configured."""
        super().adapt(dialogues)
        if self.config.next_sentence_weight:
            self.distractors = DistractorPool.collect(dialogues, self.tokenize)

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

    def make_example_input(self, length: int) -> Int[np.ndarray, "L 3"]:
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
        if rng is not None and len(self.distractors):
            candidates = 1 + self.config.num_distractors
            rows = []
            for example in examples:
                rows.append(example.values)
                for _ in range(self.config.num_distractors):
                    rows.append(
                        self.distractors.replace_candidate(example, self.candidate_segment, self.config.max_tokens, rng)
                    )
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
        return self.candidate_segment in segments and len(segments - {SPECIAL}) > 1

    def forward(self, batch: Batch) -> Encoding:
        tokens, mask, candidates = batch["tokens"], batch["mask"], int(batch["candidates"])
        speakers, segments = self.speakers(tokens[..., SPEAKER]), self.segments(tokens[..., SEGMENT])
        hidden = self.run_backbone(self.embedding(tokens[..., TOKEN]) + speakers + segments, mask)  # [N, L, d]
        if self.is_cls_last:
            cls = hidden[torch.arange(mask.shape[0], device=mask.device), mask.sum(1) - 1]  # [N, d]
        else:
            cls = hidden[:, 0]  # [N, d]
        true_tokens, true_hidden, true_cls = tokens[::candidates], hidden[::candidates], cls[::candidates]  # [B, ...]
        is_current = (true_tokens[..., SEGMENT] == CURRENT) & mask[::candidates]  # [B, L]
        vectors = {"cls": [true_cls], "current": [compute_masked_mean(true_hidden, is_current)]}
        vectors["both"] = vectors["cls"] + vectors["current"]
        logits = self.emotion(torch.cat(vectors[self.config.pooling], -1))  # [B, C]
        losses, metrics = self._additional_losses(batch, cls, true_hidden)
        return Encoding(*pack_current(true_hidden, is_current, true_cls), logits, losses, metrics)

    def _additional_losses(
        self, batch: Batch, cls: Float[Tensor, "N d"], true_hidden: Float[Tensor, "B L d"]
    ) -> tuple[dict[str, Tensor], dict[str, tuple[Tensor, Tensor]]]:
        losses: dict[str, Tensor] = {}
        metrics: dict[str, tuple[Tensor, Tensor]] = {}
        candidates = int(batch["candidates"])
        if self.next_sentence is not None and candidates > 1:
            scores = self.next_sentence(cls).reshape(-1, candidates)  # [B, K]
            loss, correct, count = compute_next_sentence_loss(scores, batch["has_candidate"])
            losses["next_sentence"] = self.config.next_sentence_weight * loss
            metrics["next_sentence_accuracy"] = (correct, count)
        if self.config.language_model_weight and batch["with_losses"]:
            true_tokens = batch["tokens"][::candidates]
            total, count = compute_language_model_loss(
                true_tokens, true_hidden, self.embedding.weight, self.candidate_segment
            )
            losses["language_model"] = self.config.language_model_weight * total / count.clamp(min=1)
            metrics["log_perplexity"] = (total.detach(), count)
        return losses, metrics


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
