"""The interface of every fusion: sequences of any modalities in, of which any may be missing; emotion logits out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn

from mmerc.config import Protocol, TrainingConfig
from mmerc.fusion.layers.crossmodal import BlockedPairs
from mmerc.fusion.layers.dialogue_context import DialogueContext, Dialogues
from mmerc.fusion.layers.embracement import compute_availability
from mmerc.fusion.layers.modality_dict import ModalityDict
from mmerc.fusion.layers.sequences import Masks, Sequences, ensure_one_step
from mmerc.hardware import autocast_bf16, supports_bf16


class FusionConfig(TrainingConfig):
    """The settings of any fusion, and how it is trained. `mmerc.fusion.check_fusion_config` checks `name`."""

    name: str = Field("crossmodal_embracenet", description="the fusion: the paper's, or one that it is compared with")
    d_model: int = Field(128, ge=4, description="width of the crossmodal transformers, divisible by `num_heads`")
    num_heads: int = Field(4, ge=1, description="attention heads of the crossmodal transformers")
    num_layers: int = Field(1, ge=1, description="layers of each crossmodal transformer")
    fused_size: int = Field(256, ge=4, description="size of the fused vector (256 in the paper)")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout in the transformers and before the classifier")
    pooling: Literal["mean", "last", "attention"] = Field(
        "mean", description="how a sequence becomes one vector: its mean, its last step, or learned attention"
    )
    embracement: Literal["expectation", "sample"] = Field(
        "expectation",
        description="fusion at test time: the expected value over the modalities, or a random draw with a fixed seed (the paper)",
    )
    null_tokens: bool = Field(
        False, description="a learned vector replaces a missing modality as a source of crossmodal attention"
    )
    dialogue_context: bool = Field(
        False, description="read the fused vectors of the whole dialogue before classification (as `ctnet` always does)"
    )
    modality_dropout: float = Field(
        0.5, ge=0, le=1, description="share of the training batches in which utterances lose modalities (Choi and Lee)"
    )
    modality_dropout_keeps: Literal["one", "some"] = Field(
        "one", description="modalities that an utterance keeps under modality dropout: one of them, or a random subset"
    )
    distillation_weight: float = Field(
        0.0,
        ge=0,
        description="weight of the KL divergence between the outputs with modality dropout and with all modalities",
    )
    bf16: bool = Field(True, description="compute matrix products in bfloat16 if the hardware supports it")

    @model_validator(mode="after")
    def _check_heads(self) -> "FusionConfig":
        if self.d_model % self.num_heads:
            raise ValueError(
                f"fusion.d_model ({self.d_model}) must be divisible by fusion.num_heads ({self.num_heads})"
            )
        return self


@dataclass(frozen=True)
class FusionInput:
    """What a fused vector is computed from.

    Attributes:
        sequences: for each modality, zeros where the mask is False.
        masks: for each modality, the real steps; a null token counts as one.
        p: the probability of each modality (Eq. 13), 0 if it is missing.
        blocked_pairs: pairs (source, target) between which crossmodal attention is switched off.
    """

    sequences: Sequences
    masks: Masks
    p: Float[Tensor, "M B"]
    blocked_pairs: BlockedPairs = frozenset()


@dataclass(frozen=True)
class FusionOutput:
    """The outputs of a fusion, and each utterance's fused vector before its dialogue is read.

    After the logits of the emotions, `logits` has a column for each continuous dimension that the fusion predicts.
    """

    logits: Float[Tensor, "B C"]
    embedding: Float[Tensor, "B c"]


class Fusion(nn.Module, ABC):
    """Base of every fusion. A subclass computes the fused vector [B, fused_size]; the base classifies it.

    Class attributes:
        reads_dialogue: whether it always reads the whole dialogue.
        has_fused_vector: whether it has one vector per utterance that a dialogue context can read.
        has_crossmodal_attention: whether `forward` accepts `blocked_pairs`.
        reads_null_tokens: whether a null token can change the logits; False if missing modalities are masked.
        is_traceable: whether it can be exported to ONNX.

    Args:
        config: its settings.
        widths: the width of each modality's sequence.
        num_classes: number of outputs: of the emotions, and after these of `num_dimensions` continuous dimensions.
        protocol: with "online", the dialogue context reads no later utterance.
    """

    num_dimensions: int = 0  # of the outputs, the last ones; `build_fusion` sets it
    reads_dialogue: ClassVar[bool] = False
    has_fused_vector: ClassVar[bool] = True
    has_crossmodal_attention: ClassVar[bool] = False
    reads_null_tokens: ClassVar[bool] = True
    is_traceable: ClassVar[bool] = True

    def __init__(
        self, config: FusionConfig, widths: Mapping[str, int], num_classes: int, *, protocol: Protocol = "offline"
    ) -> None:
        super().__init__()
        self.config, self.protocol = config, protocol
        self.modalities = tuple(sorted(widths))
        self.widths = {name: widths[name] for name in self.modalities}  # sorted: the order of `widths` has no effect
        self.dropout = nn.Dropout(config.dropout)
        self.null_tokens = (
            ModalityDict({name: nn.Parameter(torch.zeros(width)) for name, width in self.widths.items()})
            if config.null_tokens
            else None
        )
        self.dialogue_context = (
            DialogueContext(
                config.fused_size,
                num_heads=config.num_heads,
                is_bidirectional=protocol == "offline",
                dropout=config.dropout,
            )
            if self.has_dialogue_context
            else None
        )
        self.classifier = nn.Linear(config.fused_size, num_classes)

    @property
    def has_dialogue_context(self) -> bool:
        """Whether the logits of an utterance depend on its dialogue, so that a batch must have whole dialogues."""
        return self.reads_dialogue or self.config.dialogue_context

    def forward(
        self,
        sequences: Sequences,
        masks: Masks,
        dialogues: Dialogues | None = None,
        *,
        blocked_pairs: BlockedPairs = frozenset(),
    ) -> FusionOutput:
        """Compute the logits of a batch.

        Args:
            sequences: the sequence of each modality.
            masks: the real steps of each sequence; none if the utterance lacks the modality.
            dialogues: the utterances of each dialogue. Default: every utterance is a dialogue.
            blocked_pairs: pairs (source, target): the target does not use the source, as if the source were missing.

        Raises:
            ValueError: an utterance has no modality, or there is no attention that `blocked_pairs` could block.
        """
        embedding = self.compute_embedding(sequences, masks, blocked_pairs)
        return FusionOutput(self.classify(embedding, dialogues), embedding)

    def compute_embedding(
        self, sequences: Sequences, masks: Masks, blocked_pairs: BlockedPairs = frozenset()
    ) -> Float[Tensor, "B c"]:
        """Compute each utterance's fused vector. Raises ValueError as `forward` does."""
        if blocked_pairs and not self.has_crossmodal_attention:
            raise ValueError(f"{self.config.name} has no crossmodal attention to block: call it without blocked_pairs.")
        masks = {name: masks[name] for name in self.modalities}
        is_available = torch.stack([mask.any(1) for mask in masks.values()])  # [M, B]
        use_bf16 = self.config.bf16 and supports_bf16(is_available.device)
        # Copied, and converted once here in place of before each product. Zeros replace padding, which may be NaN.
        sequences = {
            name: sequences[name]
            .to(torch.bfloat16 if use_bf16 else sequences[name].dtype, copy=True)
            .masked_fill_(~mask[..., None], 0)
            for name, mask in masks.items()
        }
        if self.null_tokens is not None:
            safe = {name: ensure_one_step(mask) for name, mask in masks.items()}
            sequences = {
                name: torch.where(
                    (safe[name] & ~mask)[..., None],
                    self.null_tokens[name].to(sequences[name].dtype),
                    sequences[name],
                )
                for name, mask in masks.items()
            }
            masks = safe
        with autocast_bf16(is_available.device, enabled=use_bf16):
            p = compute_availability(is_available)
            return self.fuse(FusionInput(sequences, masks, p, blocked_pairs)).float()

    def classify(self, embedding: Float[Tensor, "B c"], dialogues: Dialogues | None) -> Float[Tensor, "B C"]:
        """Compute the logits from the fused vectors."""
        if self.dialogue_context is not None:
            if dialogues is None:
                indices = torch.arange(len(embedding), device=embedding.device)  # [B]
                dialogues = torch.stack([indices, torch.zeros_like(indices)], -1)[:, None]  # [B, 1, 2]
            embedding = self.dialogue_context(embedding, dialogues)
        logits: Tensor = self.classifier(self.dropout(embedding))
        return logits

    @abstractmethod
    def fuse(self, batch: FusionInput) -> Float[Tensor, "B c"]:
        """Compute the fused vector of each utterance."""
