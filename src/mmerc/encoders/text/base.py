"""What the two text families share: any transformers network under speaker and segment embeddings, and its losses.

Loss (paper, Eq. 1): emotion + next sentence + language model, the last two weighted and 0 where a family lacks them.
"""

import random
import re
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field, model_validator
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from mmerc.corpora import Dialogue, Utterance
from mmerc.encoders.base import Batch, Classifier, Encoder, EncoderConfig, Encoding, Example, masked_mean, pad_arrays
from mmerc.encoders.pretrained import as_typed
from mmerc.encoders.text.dropout import with_byte_dropout
from mmerc.encoders.text.input import (
    CURRENT,
    ID,
    REPLY,
    SEGMENT,
    SPEAKER,
    SPECIAL,
    Protocol,
    Vocabulary,
    thinned,
    written,
)
from mmerc.encoders.text.lora import with_lora
from mmerc.errors import ConfigError, RunError
from mmerc.hardware import autocast_bf16, supports_bf16

LAYER = re.compile(r"\.(?:layer|layers|h|block)\.(\d+)\.")  # how the families of networks number theirs
SHAPES = 16  # lengths are padded to multiples of it: oneDNN prepares and keeps a kernel for every shape it meets
IGNORED = -100  # cross_entropy's own mark for a position without a target


class TextConfig(EncoderConfig):
    """Settings of the text encoders."""

    backbone: str = Field(
        description="minilm (the extra of that name), a hub name, a folder, or scratch: a small network with a vocabulary learned from the corpus"
    )
    protocol: Protocol = Field("offline", description="taken from the top of the settings")
    history: int = Field(5, ge=0, description="utterances read before the current one")
    future: int = Field(1, ge=0, description="utterances read behind the current one, offline; the reply is the first")
    longest: int = Field(160, ge=8, description="tokens of the input; the oldest history goes first")
    names: bool = Field(False, description="write who speaks before each turn")
    distractors: int = Field(1, ge=1, description="wrong replies beside the right one in the next-sentence loss")
    next_sentence: float = Field(0.0, ge=0, description="weight of the loss that sets the right reply against others")
    language_model: float = Field(0.0, ge=0, description="weight of the loss on the reply's tokens")
    pooling: Literal["cls", "current", "both"] = Field(
        "cls", description="what the emotion is read from: [CLS], the mean of the current utterance, or both"
    )
    scratch_layers: int = Field(2, ge=1, description="layers of a scratch network")
    scratch_width: int = Field(64, ge=8, description="width of a scratch network")
    scratch_vocabulary: int = Field(2000, ge=300, description="largest vocabulary learned from a corpus")
    lora: int = Field(0, ge=0, description="rank of the updates to a frozen network; 0 trains the network itself")
    context_dropout: float = Field(0.0, ge=0, le=1, description="share of training inputs with less context")
    layer_decay: float = Field(1.0, gt=0, le=1, description="rate of each layer as a share of the one above it")
    attention_dropout: float = Field(0.0, ge=0, lt=1, description="0 lets torch use its fused attention")
    bf16: bool = Field(True, description="bfloat16 in the backbone where the processor computes in it")

    @model_validator(mode="after")
    def _vocabulary_of_its_own(self) -> "TextConfig":
        if self.warm_start.startswith("model:") and learns_vocabulary(self):
            raise ValueError(
                "a vocabulary that is learned from a corpus fits no other model: name a backbone that has one"
            )
        return self


class TextEncoder(Encoder):
    """A transformers network on a dialogue; subclasses say how their family marks up its input."""

    Config: ClassVar[type[EncoderConfig]] = TextConfig
    cls_last: ClassVar[bool]  # a causal network sees the whole input only at its end
    specials: ClassVar[tuple[str, ...]]  # of a learned vocabulary
    named_specials: ClassVar[dict[str, str]]  # which of them transformers knows by a name
    config: TextConfig

    def __init__(
        self, config: EncoderConfig, classes: int, parts: tuple[nn.Module, PreTrainedTokenizerBase] | None = None
    ) -> None:
        """`parts`: backbone and tokenizer, where they come from a model folder."""
        assert isinstance(config, TextConfig)
        super().__init__(config, classes)
        backbone, self.tokenizer = parts or self.fresh(config)
        self.backbone = quick(backbone, config)
        self.vocabulary = self._vocabulary(self.tokenizer)
        self._check_longest(config)
        self.width = int(self.backbone.config.hidden_size)  # type: ignore[union-attr, arg-type]
        # Added to whatever positions and types the network has of its own; small, so that it starts as it was trained.
        self.speakers = nn.Embedding(3, self.width)
        self.segments = nn.Embedding(5, self.width)
        nn.init.normal_(self.speakers.weight, std=0.02)
        nn.init.normal_(self.segments.weight, std=0.02)
        self.next_sentence = nn.Linear(self.width, 1) if config.next_sentence else None
        self.emotion = Classifier(self.width * (2 if config.pooling == "both" else 1), classes, hidden=self.width)
        self.pool: list[tuple[str, np.ndarray]] = []  # every candidate of the training dialogues, for distractors

    @classmethod
    @abstractmethod
    def fresh(cls, config: Any) -> tuple[nn.Module, PreTrainedTokenizerBase]:
        """Backbone and tokenizer at the start of training."""

    @classmethod
    def learned_tokenizer(cls, texts: Iterable[str], size: int) -> PreTrainedTokenizerFast:
        """A byte-level BPE vocabulary of at most `size` entries: no text is unknown to it, whatever its script.

        The same texts give the same vocabulary in every process (a learned WordPiece vocabulary does not).
        """
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=list(cls.specials),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **cls.named_specials)

    @classmethod
    @abstractmethod
    def _vocabulary(cls, tokenizer: PreTrainedTokenizerBase) -> Vocabulary: ...

    def _check_longest(self, config: TextConfig) -> None:
        most = getattr(self.backbone.config, "max_position_embeddings", None)
        if isinstance(most, int) and config.longest > most:
            raise ConfigError(
                f"text.longest is {config.longest}, the network reads {most} tokens: set it to {most} or less."
            )

    def rate_of(self, parameter: str) -> float:
        """Layers close to the input hold what is general and learn slower (Howard and Ruder 2018)."""
        if not parameter.startswith("backbone."):
            return 1.0
        layers = int(getattr(self.backbone.config, "num_hidden_layers", 0))
        number = LAYER.search(parameter)
        return self.config.layer_decay ** (layers - 1 - int(number[1]) if number else layers)

    @property
    def embedding(self) -> nn.Embedding:
        """The backbone's own table of tokens."""
        table = self.backbone.get_input_embeddings()  # type: ignore[operator]
        assert isinstance(table, nn.Embedding)
        return table

    @property
    def candidate(self) -> int:
        """The segment that the next-sentence and language-model losses are about."""
        return REPLY if self.config.protocol == "offline" else CURRENT

    def adapt(self, dialogues: Sequence[Dialogue]) -> None:
        """Learn the vocabulary where the network brings none, freeze the network where only updates to it are trained,
        and collect the candidates among which distractors are drawn, each with the dialogue it comes from."""
        if learns_vocabulary(self.config):
            texts = (as_typed(turn.text) for dialogue in dialogues for turn in dialogue.utterances if turn.text)
            self.tokenizer = self.learned_tokenizer(texts, self.config.scratch_vocabulary)
            self.vocabulary = self._vocabulary(self.tokenizer)
        if self.config.lora:
            with_lora(self.backbone, self.config.lora)
        if not self.config.next_sentence:
            return
        self.pool = []
        for dialogue in dialogues:
            for turn in dialogue.utterances:
                named = f"{turn.speaker}: {turn.text}" if self.config.names and turn.speaker else turn.text
                tokens = self.vocabulary.tokenize(named or "") if turn.text else []
                if tokens:
                    self.pool.append((str(dialogue.dialogue), np.asarray(tokens, np.int32)))
        if len({origin for origin, _ in self.pool}) < 2:
            self.pool = []  # nothing that a distractor could come from: the loss is left out

    def prepare(self, dialogue: Dialogue, place: int) -> Int[np.ndarray, "L 3"]:
        longest = self.config.longest - (1 if self.cls_last else 0)
        return written(
            dialogue,
            place,
            self.vocabulary,
            protocol=self.config.protocol,
            history=self.config.history,
            future=self.config.future,
            longest=longest,
            names=self.config.names,
        )

    def example_input(self, length: int) -> Int[np.ndarray, "L 3"]:
        turns = tuple(
            Utterance("sample", 0, place, speaker=name, text="well " * length) for place, name in enumerate("ABA")
        )
        return self.prepare(Dialogue("sample", 0, turns), 1)

    def collate(self, examples: Sequence[Example], rng: random.Random | None = None) -> Batch:
        if rng is not None and self.training and self.config.context_dropout:
            examples = [
                replace(example, values=thinned(example.values, self.vocabulary, self.config.context_dropout, rng))
                for example in examples
            ]
        rows = [example.values for example in examples]
        candidates = 1
        if rng is not None and self.pool:
            candidates = 1 + self.config.distractors
            # [B * candidates]: the right candidate first, the wrong ones behind it
            rows = [
                row
                for example in examples
                for row in (example.values, *(self._distracted(example, rng) for _ in range(candidates - 1)))
            ]
        if self.cls_last:
            cls = np.asarray([[self.vocabulary.turn[0], 0, SPECIAL]], np.int32)
            rows = [np.concatenate([row, cls]) for row in rows]
        tokens, mask = pad_arrays(rows, multiple=SHAPES, most=self.config.longest)
        has_candidate = torch.tensor([self._has_candidate(example.values) for example in examples])
        return {
            "tokens": tokens.long(),
            "mask": mask,
            "has_candidate": has_candidate,
            "candidates": torch.tensor(candidates),
            "judged": torch.tensor(rng is not None),
        }

    def _has_candidate(self, row: np.ndarray) -> bool:
        segments = set(row[:, SEGMENT].tolist())
        return self.candidate in segments and len(segments - {SPECIAL}) > 1

    def _distracted(self, example: Example, rng: random.Random) -> np.ndarray:
        """The example with its candidate replaced by one from another dialogue."""
        row = example.values
        place = row[:, SEGMENT] == self.candidate
        place[-1] = False  # the closing token stays
        if not place.any():
            return row
        origin, tokens = rng.choice(self.pool)
        while origin == example.key[1]:
            origin, tokens = rng.choice(self.pool)
        start, end = int(place.argmax()), len(place) - int(place[::-1].argmax())
        room = self.config.longest - 1 - (len(row) - (end - start)) - 1
        wrong = np.repeat(row[start : start + 1], min(len(tokens), max(room, 0)) + 1, axis=0)  # the turn's mark first
        wrong[1:, ID] = tokens[: len(wrong) - 1]
        return np.concatenate([row[:start], wrong, row[end:]])

    def forward(self, batch: Batch) -> Encoding:
        tokens, mask = batch["tokens"], batch["mask"]  # [N, L, 3], [N, L] with N = B * candidates
        candidates = int(batch["candidates"])
        hidden = self._hidden(tokens, mask)  # [N, L, d]
        cls = (
            hidden[torch.arange(mask.shape[0], device=mask.device), mask.sum(1) - 1] if self.cls_last else hidden[:, 0]
        )  # [N, d]
        right = slice(None, None, candidates)
        gold, gold_tokens, gold_mask = hidden[right], tokens[right], mask[right]
        current = (gold_tokens[..., SEGMENT] == CURRENT) & gold_mask
        parts = {"cls": [cls[right]], "current": [masked_mean(gold, current)]}
        parts["both"] = parts["cls"] + parts["current"]
        logits = self.emotion(torch.cat(parts[self.config.pooling], -1))  # [B, C]
        losses, metrics = self._further_losses(batch, cls, gold, candidates)
        return Encoding(*_packed(gold, current, cls[right]), logits, losses, metrics)

    def _hidden(self, tokens: Int[Tensor, "N L 3"], mask: Bool[Tensor, "N L"]) -> Float[Tensor, "N L d"]:
        embedded = (
            self.embedding(tokens[..., ID]) + self.speakers(tokens[..., SPEAKER]) + self.segments(tokens[..., SEGMENT])
        )
        with autocast_bf16(tokens.device, enabled=self.config.bf16):
            hidden = self.backbone(inputs_embeds=embedded, attention_mask=mask.long()).last_hidden_state
        return hidden.float()

    def _further_losses(
        self, batch: Batch, cls: Float[Tensor, "N d"], gold: Float[Tensor, "B L d"], candidates: int
    ) -> tuple[dict[str, Tensor], dict[str, tuple[Tensor, Tensor]]]:
        losses: dict[str, Tensor] = {}
        metrics: dict[str, tuple[Tensor, Tensor]] = {}
        has = batch["has_candidate"]
        if self.next_sentence is not None and candidates > 1:
            scores = self.next_sentence(cls).reshape(-1, candidates)  # [B, candidates]
            target = torch.where(has, 0, IGNORED)
            loss = F.cross_entropy(scores, target, reduction="sum", ignore_index=IGNORED) / has.sum().clamp(min=1)
            losses["next_sentence"] = self.config.next_sentence * loss
            metrics["next_sentence_accuracy"] = (((scores.argmax(1) == 0) & has).sum(), has.sum())
        if self.config.language_model and batch["judged"]:
            total, count = self.language_model_loss(batch["tokens"][::candidates], gold)
            losses["language_model"] = self.config.language_model * total / count.clamp(min=1)
            metrics["log_perplexity"] = (total.detach(), count)
        return losses, metrics

    def language_model_loss(
        self, tokens: Int[Tensor, "B L 3"], hidden: Float[Tensor, "B L d"]
    ) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
        """Sum of the cross-entropies (nats) of each candidate token given all before it, and the number of tokens.

        The token that opens the turn is no target.
        """
        is_candidate = tokens[..., SEGMENT] == self.candidate
        target = is_candidate[:, 1:] & is_candidate[:, :-1]  # [B, L - 1]
        scores = F.linear(
            hidden[:, :-1][target], self.embedding.weight
        )  # [targets, vocabulary], tied to the input embedding
        wanted = tokens[:, 1:, ID][target]
        return F.cross_entropy(scores, wanted, reduction="sum"), target.sum()

    def save(self, folder: Path) -> None:
        super().save(folder)
        self.backbone.config.save_pretrained(folder / "backbone")  # type: ignore[operator, union-attr]
        self.tokenizer.save_pretrained(folder / "backbone")

    @classmethod
    def _rebuild(cls, folder: Path, config: EncoderConfig, classes: int) -> Encoder:
        assert isinstance(config, TextConfig)
        place = folder / "backbone"
        if not (place / "config.json").is_file():
            raise RunError(f"{place} does not exist: is {folder} a complete run or model folder?")
        try:
            tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=True, trust_remote_code=False)
            backbone = AutoModel.from_config(
                AutoConfig.from_pretrained(place, local_files_only=True, trust_remote_code=False),
                trust_remote_code=False,
            )
        except (OSError, ValueError) as error:
            raise RunError(f"{place} cannot be read ({str(error).splitlines()[0]}): train again.") from error
        return cls(config, classes, (backbone, tokenizer))


def _packed(
    hidden: Float[Tensor, "B L d"], current: Bool[Tensor, "B L"], cls: Float[Tensor, "B d"]
) -> tuple[Float[Tensor, "B T d"], Bool[Tensor, "B T"]]:
    """[CLS] and the tokens of the current utterance, moved to the front: what stage 2 reads."""
    place = torch.arange(current.shape[1], device=current.device)
    order = (place + current.shape[1] * ~current).argsort(dim=1)[:, : current.sum(1).max()]  # [B, T - 1]
    moved = torch.gather(hidden, 1, order[..., None].expand(-1, -1, hidden.shape[-1]))
    mask = torch.gather(current, 1, order)
    return torch.cat([cls[:, None], moved * mask[..., None]], 1), F.pad(mask, (1, 0), value=True)


def quick(backbone: nn.Module, config: TextConfig) -> nn.Module:
    """The network set up for the machine: on a processor, the backward pass of torch's fused attention takes five
    times that of plain products in bfloat16 (in float32 it is the faster one)."""
    if config.bf16 and supports_bf16(torch.device("cpu")) and not torch.cuda.is_available():
        backbone.set_attn_implementation("eager")  # type: ignore[operator]
    return with_byte_dropout(backbone)


def learns_vocabulary(config: TextConfig) -> bool:
    """Whether the tokenizer is made from the corpus: nothing public is loaded then."""
    return config.backbone == "scratch" or (config.backbone == "openai-gpt" and not config.pretrained)
