"""The paper's text model: GPT with emotion, next-sentence and language-model heads (Section 4.1.1, Eq. 1).

It follows TransferTransfo (Wolf et al. 2019), with explicit speakers and segments in the input (reading note 9). It reads each
utterance with its history and, offline, its reply. `backbone: scratch` is a small GPT with a byte-level BPE vocabulary learned
from the corpus.

The loss is emotion + next sentence + language model. The last two have weights, which may be 0.
"""

import random
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, GPT2Config, OpenAIGPTConfig, PreTrainedTokenizerBase

from mmerc.config import Protocol
from mmerc.corpora import Dialogue, Utterance
from mmerc.encoders.base import Batch, Classifier, EncoderConfig, Encoding, Example, pad_arrays
from mmerc.encoders.text.backbone import load_backbone
from mmerc.encoders.text.base import LENGTH_MULTIPLE, TextEncoder
from mmerc.encoders.text.config import SCRATCH, TextConfig, trains_tokenizer
from mmerc.encoders.text.distractors import DistractorPool
from mmerc.encoders.text.input import (
    CURRENT,
    CURRENT_SPEAKER,
    NO_SPEAKER,
    NUM_SEGMENTS,
    NUM_SPEAKERS,
    OTHER_SPEAKER,
    REPLY,
    SEGMENT,
    SPEAKER,
    SPECIAL,
    TOKEN,
    Vocabulary,
    build_input,
)
from mmerc.encoders.text.losses import language_model_loss, next_sentence_loss

SPECIAL_TOKENS = {
    "start": "<bos>",
    "end": "<eos>",
    "cls": "<cls>",
    "current_speaker": "<target>",
    "other_speaker": "<other>",
    "pad": "<pad>",
}
HEAD_SIZE = 32  # of a scratch network


class GptConfig(TextConfig):
    """Settings of the causal network. The defaults are those of the paper."""

    backbone: str = Field("openai-gpt", description="hub name or folder of a causal network, or scratch")
    history: int = Field(5, ge=0, description="utterances read before the current one")
    max_tokens: int = Field(160, ge=8, description="tokens of the input; the oldest history is cut first")
    num_distractors: int = Field(1, ge=1, description="wrong replies per utterance in the next-sentence loss")
    next_sentence_weight: float = Field(
        1.0, ge=0, description="weight of the next-sentence loss, which selects the true reply among distractors"
    )
    language_model_weight: float = Field(
        1.0, ge=0, description="weight of the language-model loss on the tokens of the reply"
    )


class Gpt(TextEncoder):
    """A causal network. [CLS] is the last token, which sees the whole input.

    The sequence of stage 2 is [CLS] followed by the tokens of the current utterance.
    """

    Config = GptConfig
    special_tokens = tuple(SPECIAL_TOKENS.values())
    named_tokens: ClassVar = {"pad_token": SPECIAL_TOKENS["pad"]}
    config: GptConfig

    def __init__(
        self,
        config: EncoderConfig,
        num_classes: int,
        parts: tuple[nn.Module, PreTrainedTokenizerBase] | None = None,
        *,
        protocol: Protocol = "offline",
    ) -> None:
        super().__init__(config, num_classes, parts, protocol=protocol)
        # They are added to the backbone's own position and type embeddings. Small values preserve its pre-training.
        self.speakers = nn.Embedding(NUM_SPEAKERS, self.width)
        self.segments = nn.Embedding(NUM_SEGMENTS, self.width)
        nn.init.normal_(self.speakers.weight, std=0.02)
        nn.init.normal_(self.segments.weight, std=0.02)
        self.next_sentence = nn.Linear(self.width, 1) if self.config.next_sentence_weight else None
        self.emotion = Classifier(self.width, num_classes)
        self.pool = DistractorPool()

    @classmethod
    def create_backbone(cls, config: GptConfig) -> tuple[nn.Module, PreTrainedTokenizerBase]:
        if trains_tokenizer(config):
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

    @property
    def candidate(self) -> int:
        """The segment that the next-sentence and language-model losses are computed on: the reply, if it may be read."""
        return REPLY if self.protocol == "offline" else CURRENT

    def adapt(self, dialogues: Sequence[Dialogue]) -> None:
        """Learn the vocabulary and collect the distractors, each if configured."""
        super().adapt(dialogues)
        if self.config.next_sentence_weight:
            self.pool = DistractorPool.collect(dialogues, self.tokenize)

    def prepare(self, dialogue: Dialogue, index: int) -> Int[np.ndarray, "L 3"]:
        """Return token ID, speaker and segment of each token (see `input.build_input`)."""
        return build_input(
            dialogue,
            index,
            self.vocabulary,
            protocol=self.protocol,
            history=self.config.history,
            max_tokens=self.config.max_tokens - 1,  # `collate` adds [CLS]
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
        speakers, segments = self.speakers(tokens[..., SPEAKER]), self.segments(tokens[..., SEGMENT])
        hidden = self.run_backbone(self.embedding(tokens[..., TOKEN]) + speakers + segments, mask)  # [N, L, d]
        cls = hidden[torch.arange(mask.shape[0], device=mask.device), mask.sum(1) - 1]  # [N, d]
        true_tokens, true_hidden, true_cls = tokens[::candidates], hidden[::candidates], cls[::candidates]  # [B, ...]
        is_current = (true_tokens[..., SEGMENT] == CURRENT) & mask[::candidates]  # [B, L]
        losses, metrics = self._additional_losses(batch, cls, true_hidden)
        return Encoding(*pack_current(true_hidden, is_current, true_cls), self.emotion(true_cls), losses, metrics)

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
