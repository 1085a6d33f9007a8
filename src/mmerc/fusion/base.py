"""What a fusion is: sequences of any modalities in, any of them missing in any utterance; an emotion out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Float
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.config import StageConfig
from mmerc.fusion.layers.dialogue_context import DialogueContext, Dialogues
from mmerc.fusion.layers.embracement import embrace, probabilities
from mmerc.hardware import autocast_bf16, supports_bf16

Sequences = Mapping[str, Float[Tensor, "B _ _"]]  # [B, T, d] with a T and a d for each modality
Masks = Mapping[str, Bool[Tensor, "B _"]]

Name = Literal[
    "crossmodal_embracenet",
    "embracenet",
    "crossmodal_concatenation",
    "early_concatenation",
    "late_averaging",
    "late_stacking",
    "attention_pooling",
    "mult",
    "low_rank",
    "inter_modality",
    "multi_level",
    "ctnet",
]


class FusionConfig(StageConfig):
    """The paper's fusion, those it is compared with (`fusion.alternatives`, `fusion.comparators`), and what is beyond it.

    A fusion that reads the dialogue needs an even `size` that `heads` divides, and a fused vector, which `late_...` have not.
    """

    name: Name = Field("crossmodal_embracenet", description="the paper's fusion, or one of those it is compared with")
    width: int = Field(128, ge=4, description="d of the crossmodal transformers")
    heads: int = Field(4, ge=1, description="of their attention; they divide the width")
    layers: int = Field(1, ge=1, description="of each crossmodal transformer")
    size: int = Field(256, ge=4, description="c of the fused vector (256 in the paper)")
    dropout: float = Field(0.1, ge=0, lt=1, description="in the transformers and before the classifier")
    pooling: Literal["mean", "last", "attention"] = Field(
        "mean", description="how a sequence becomes one vector: the mean, the last step, or a learned weighting"
    )
    embracement: Literal["expectation", "sample"] = Field(
        "expectation", description="at test time the expectation, or the paper's draw with a fixed seed"
    )
    modality_dropout: float = Field(
        0.5, ge=0, le=1, description="share of training batches in which utterances lose modalities (Choi and Lee)"
    )
    dropout_rise: float = Field(
        0.0, ge=0, le=1, description="share of training over which modality_dropout rises from 0"
    )
    kept: Literal["one", "some"] = Field(
        "one",
        description="what they keep then: one modality, or any of their subsets, the whole twice as likely as each other",
    )
    distillation: float = Field(
        0.0,
        ge=0,
        description="in those batches, the weight of the divergence from what the network says of the whole utterance",
    )
    gated: bool = Field(
        False, description="a target adds its sources, each under a gate, in place of multiplying them (Eq. 12)"
    )
    null_tokens: bool = Field(
        False,
        description="a learned vector stands where a modality is missing, which others may ask; it is never embraced",
    )
    context: bool = Field(
        False, description="read the fused vectors of a dialogue together (fusion.context); ctnet always does"
    )
    protocol: Literal["offline", "online"] = Field(
        "offline", description="taken from the top of the settings; online reads nothing behind an utterance"
    )
    bf16: bool = Field(True, description="bfloat16 in matrix products where the processor computes in it")

    @model_validator(mode="after")
    def _divisible(self) -> "FusionConfig":
        if self.width % self.heads:
            raise ValueError(f"fusion.width ({self.width}) must be divisible by fusion.heads ({self.heads})")
        if self.reads_dialogue and (self.size % 2 or self.size % self.heads or self.name.startswith("late_")):
            raise ValueError(
                "fusion.context needs an even fusion.size that fusion.heads divides, and a fusion with a fused vector"
            )
        return self

    @property
    def reads_dialogue(self) -> bool:
        """Whether an utterance's answer depends on those around it, so that dialogues must come whole."""
        return self.context or self.name == "ctnet"


@dataclass(frozen=True)
class Fused:
    """What the fusion says of a batch: the emotion's logits and each utterance's fused vector, before its dialogue is read."""

    logits: Float[Tensor, "B C"]
    embedding: Float[Tensor, "B c"]
    losses: Mapping[str, Tensor] = field(default_factory=dict)


class Fusion(nn.Module, ABC):
    """Base of every fusion. `inputs`: the width of each modality's sequence; `classes`: number of emotions.

    A subclass gives the fused vector [B, size]; the classifier stands here.
    """

    def __init__(self, config: FusionConfig, inputs: Mapping[str, int], classes: int) -> None:
        super().__init__()
        self.config, self.modalities = config, tuple(sorted(inputs))
        self.inputs = {name: inputs[name] for name in self.modalities}  # so that the order of naming changes nothing
        self.trained = 1.0  # the share of the training that is behind, which `training.stage` keeps
        self.dropout = nn.Dropout(config.dropout)
        self.nulls = nn.ParameterDict(
            {name: torch.zeros(size) for name, size in self.inputs.items()} if config.null_tokens else {}
        )
        around, heads = config.protocol == "offline", config.heads
        self.context = (
            DialogueContext(config.size, heads=heads, around=around, dropout=config.dropout)
            if config.reads_dialogue
            else None
        )
        self.classifier = nn.Linear(config.size, classes)

    def forward(self, sequences: Sequences, masks: Masks, dialogues: Dialogues | None = None) -> Fused:
        """`masks` say which steps are real; a modality that an utterance lacks has none. Without `dialogues` each
        utterance is one of its own.

        Raises:
            ValueError: an utterance lacks every modality.
        """
        if not self.training:
            embedding = self.embedded(sequences, masks)
            return Fused(self.answered(embedding, dialogues), embedding)
        kept = self._with_dropout(masks)
        embedding = self.embedded(sequences, kept)
        logits, losses = self.answered(embedding, dialogues), {}
        if self.config.distillation and kept is not masks:
            self.eval()
            with torch.no_grad():
                whole = self.answered(self.embedded(sequences, masks), dialogues)
            self.train()
            divergence = F.kl_div(logits.log_softmax(1), whole.softmax(1), reduction="batchmean")
            losses["distillation"] = self.config.distillation * divergence
        return Fused(logits, embedding, losses)

    def embedded(self, sequences: Sequences, masks: Masks) -> Float[Tensor, "B c"]:
        """Each utterance's fused vector. Raises ValueError as `forward` does."""
        masks = {name: masks[name] for name in self.modalities}
        available = torch.stack([mask.any(1) for mask in masks.values()])  # [M, B]
        fast = self.config.bf16 and supports_bf16(available.device)
        # Copied, in bfloat16 here once and not before each product; zeros where nothing is real: whatever lies there, NaN
        # included, is never looked at.
        sequences = {
            name: sequences[name]
            .to(torch.bfloat16 if fast else sequences[name].dtype, copy=True)
            .masked_fill_(~mask[..., None], 0)
            for name, mask in masks.items()
        }
        if self.nulls:
            safe = {name: answerable(mask) for name, mask in masks.items()}
            sequences = {
                name: torch.where(
                    (safe[name] & ~mask)[..., None], self.nulls[name].to(sequences[name].dtype), sequences[name]
                )
                for name, mask in masks.items()
            }
            masks = safe
        with autocast_bf16(available.device, enabled=fast):
            return self.fused(sequences, masks, probabilities(available)).float()

    def answered(self, embedding: Float[Tensor, "B c"], dialogues: Dialogues | None) -> Float[Tensor, "B C"]:
        """The logits of utterances whose fused vectors these are."""
        if self.context is not None:
            if dialogues is None:
                places = torch.arange(len(embedding), device=embedding.device)
                dialogues = torch.stack([places, torch.zeros_like(places)], -1)[:, None]  # [B, 1, 2]
            embedding = self.context(embedding, dialogues)
        return self.classifier(self.dropout(embedding))

    @abstractmethod
    def fused(self, sequences: Sequences, masks: Masks, p: Float[Tensor, "M B"]) -> Float[Tensor, "B c"]:
        """The fused vector; `p` is the share of each modality that is there, 0 for one that is not."""

    def embraced(self, docked: Float[Tensor, "M B c"], p: Float[Tensor, "M B"]) -> Float[Tensor, "B c"]:
        """A draw for each feature in training; at test time what `embracement` says, the same every time."""
        if self.training:
            return embrace(docked, p, sample=True)
        generator = torch.Generator(docked.device).manual_seed(0)
        return embrace(docked, p, sample=self.config.embracement == "sample", generator=generator)

    def _with_dropout(self, masks: Masks) -> Masks:
        """In some batches every utterance keeps one or some of the modalities it has."""
        rise = self.config.dropout_rise
        share = self.config.modality_dropout * (min(1.0, self.trained / rise) if rise else 1.0)
        if not share or torch.rand(()) >= share:
            return masks
        masks = {name: masks[name] for name in self.modalities}
        available = torch.stack([mask.any(1) for mask in masks.values()])  # [M, B]
        if self.config.kept == "one":
            one = torch.multinomial(probabilities(available).T, 1)[:, 0]  # [B]
            kept = F.one_hot(one, len(masks)).T.bool()  # [M, B]
        else:
            drawn = torch.rand(available.shape, device=available.device) < 0.5
            # Where no modality is drawn, all are kept: so every subset but the empty one is as likely, the whole twice.
            kept = drawn | ~(drawn & available).any(0)
        return {name: mask & kept[number][:, None] for number, (name, mask) in enumerate(masks.items())}


def answerable(mask: Bool[Tensor, "B T"]) -> Bool[Tensor, "B T"]:
    """The mask with step 0 of an utterance that has none, so that softmax has something to choose from; what it then
    answers is to be discarded."""
    first = torch.arange(mask.shape[1], device=mask.device) == 0
    return mask | (~mask.any(1, keepdim=True) & first)


class Pooling(nn.Module):
    """[B, T, d] -> [B, d] over the steps that are real; zeros where none is."""

    def __init__(self, kind: Literal["mean", "last", "attention"], width: int) -> None:
        super().__init__()
        self.kind = kind
        self.score = nn.Linear(width, 1) if kind == "attention" else None

    def forward(self, x: Float[Tensor, "B T d"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B d"]:
        if self.kind == "last":
            last = (mask.sum(1) - 1).clamp(min=0)
            return x[torch.arange(x.shape[0], device=x.device), last] * mask.any(1)[:, None]
        if self.score is None:
            weights = mask.to(x.dtype)
        else:
            scores = self.score(x)[..., 0].masked_fill(~mask, torch.finfo(x.dtype).min)
            weights = scores.softmax(1) * mask
        weights = weights.to(x.dtype)
        total = (weights[:, None] @ x)[:, 0]  # one pass over x, which is finite throughout
        return total / weights.float().sum(1, keepdim=True).clamp(min=1e-9)
