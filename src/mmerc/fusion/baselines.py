"""Fusions that the paper's fusion is compared with, behind the same interface.

A missing modality gives zeros. Where zeros are ambiguous, an availability flag is added.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.config import Protocol
from mmerc.fusion.base import Fusion, FusionConfig, FusionInput
from mmerc.fusion.crossmodal_embracenet import CrossmodalFusion, make_embracement
from mmerc.fusion.layers.dialogue_context import Dialogues
from mmerc.fusion.layers.modality_dict import ModalityDict
from mmerc.fusion.layers.pooling import Pooling

RANK = 4  # of low-rank tensor fusion


def mlp(inputs: int, config: FusionConfig) -> nn.Sequential:
    """A linear layer to the fused vector, ReLU and dropout."""
    return nn.Sequential(nn.Linear(inputs, config.fused_size), nn.ReLU(), nn.Dropout(config.dropout))


def concatenate_with_flags(vectors: Float[Tensor, "M B d"], p: Float[Tensor, "M B"]) -> Float[Tensor, "B f"]:
    """Concatenate the modalities' vectors, followed by one flag per modality: 1 if it is available. f = M (d + 1)."""
    return torch.cat([vectors.transpose(0, 1).flatten(1), (p > 0).T.to(vectors.dtype)], 1)


class PooledFusion(Fusion):
    """Base of the fusions that read one vector per modality: the sequence, pooled over time and projected to d_model."""

    def __init__(
        self, config: FusionConfig, widths: Mapping[str, int], num_classes: int, *, protocol: Protocol = "offline"
    ) -> None:
        super().__init__(config, widths, num_classes, protocol=protocol)
        self.pooling = ModalityDict({name: Pooling(config.pooling, width) for name, width in self.widths.items()})
        self.projection = ModalityDict({name: nn.Linear(width, config.d_model) for name, width in self.widths.items()})

    def pool_and_project(self, batch: FusionInput) -> Float[Tensor, "M B d"]:
        """Compute one vector per modality; zeros if it is missing."""
        return torch.stack(
            [
                F.relu(self.projection[name](self.pooling[name](batch.sequences[name], mask))) * mask.any(1)[:, None]
                for name, mask in batch.masks.items()
            ]
        )


class EarlyConcatenation(PooledFusion):
    """One network on the concatenated vectors."""

    def __init__(
        self, config: FusionConfig, widths: Mapping[str, int], num_classes: int, *, protocol: Protocol = "offline"
    ) -> None:
        super().__init__(config, widths, num_classes, protocol=protocol)
        self.mix = mlp(len(widths) * (config.d_model + 1), config)

    def fuse(self, batch: FusionInput) -> Float[Tensor, "B c"]:
        fused: Tensor = self.mix(concatenate_with_flags(self.pool_and_project(batch), batch.p))
        return fused


class AttentionPooling(PooledFusion):
    """The modalities' vectors, weighted by a softmax over the available ones."""

    reads_null_tokens: ClassVar[bool] = False

    def __init__(
        self, config: FusionConfig, widths: Mapping[str, int], num_classes: int, *, protocol: Protocol = "offline"
    ) -> None:
        super().__init__(config, widths, num_classes, protocol=protocol)
        self.score = nn.Sequential(nn.Linear(config.d_model, config.d_model), nn.Tanh(), nn.Linear(config.d_model, 1))
        self.mix = mlp(config.d_model, config)

    def fuse(self, batch: FusionInput) -> Float[Tensor, "B c"]:
        vectors = self.pool_and_project(batch)  # [M, B, d]
        scores = self.score(vectors)[..., 0].masked_fill(batch.p == 0, float("-inf"))  # [M, B]
        fused: Tensor = self.mix((scores.softmax(0)[..., None] * vectors).sum(0))
        return fused


class LowRank(PooledFusion):
    """Low-rank multimodal fusion (Liu et al. 2018): the tensor product of all vectors, in factors of rank 4."""

    reads_null_tokens: ClassVar[bool] = False

    def __init__(
        self, config: FusionConfig, widths: Mapping[str, int], num_classes: int, *, protocol: Protocol = "offline"
    ) -> None:
        super().__init__(config, widths, num_classes, protocol=protocol)
        shape = (len(widths), RANK, config.d_model + 1, config.fused_size)
        self.factors = nn.Parameter(torch.randn(shape) * (config.d_model + 1) ** -0.5)
        self.weights = nn.Parameter(torch.full((RANK,), 1 / RANK))
        self.bias = nn.Parameter(torch.zeros(config.fused_size))

    def fuse(self, batch: FusionInput) -> Float[Tensor, "B c"]:
        vectors = self.pool_and_project(batch)  # [M, B, d]
        ones = torch.ones_like(vectors[..., :1])  # [M, B, 1]
        terms = torch.einsum("mbd,mrdc->mbrc", torch.cat([vectors, ones], -1), self.factors)
        terms = terms.masked_fill((batch.p == 0)[..., None, None], 1)  # neutral in the product
        fused: Tensor = torch.einsum("brc,r->bc", terms.prod(0), self.weights) + self.bias
        return fused


class LateFusion(PooledFusion):
    """Base of the fusions with a classifier per modality.

    `fuse` returns the logits of these classifiers and the availability flags. This is not a feature vector, so a dialogue
    context cannot read it.
    """

    reads_null_tokens: ClassVar[bool] = False
    has_fused_vector: ClassVar[bool] = False

    def __init__(
        self, config: FusionConfig, widths: Mapping[str, int], num_classes: int, *, protocol: Protocol = "offline"
    ) -> None:
        config = config.model_copy(update={"fused_size": len(widths) * (num_classes + 1)})
        super().__init__(config, widths, num_classes, protocol=protocol)
        self.classifiers = ModalityDict(
            {
                name: nn.Sequential(nn.Dropout(config.dropout), nn.Linear(config.d_model, num_classes))
                for name in self.modalities
            }
        )
        self.num_classes = num_classes

    def fuse(self, batch: FusionInput) -> Float[Tensor, "B c"]:
        vectors = self.pool_and_project(batch)  # [M, B, d]
        logits = torch.stack(
            [self.classifiers[name](vector) for name, vector in zip(self.modalities, vectors, strict=True)]
        )  # [M, B, C]
        return concatenate_with_flags(logits * (batch.p > 0)[..., None], batch.p)


class LateStacking(LateFusion):
    """A linear layer on the logits of the modalities' classifiers."""


class LateAveraging(LateFusion):
    """The mean of the probabilities, and of the continuous dimensions, that the modalities' classifiers give."""

    def __init__(
        self, config: FusionConfig, widths: Mapping[str, int], num_classes: int, *, protocol: Protocol = "offline"
    ) -> None:
        super().__init__(config, widths, num_classes, protocol=protocol)
        self.classifier.requires_grad_(False)  # unused

    def classify(self, embedding: Float[Tensor, "B c"], dialogues: Dialogues | None) -> Float[Tensor, "B C"]:
        count = len(self.modalities)
        flags = embedding[:, -count:].T  # [M, B]
        logits = torch.unflatten(embedding[:, :-count], 1, (count, self.num_classes)).transpose(0, 1)  # [M, B, C]
        weights = (flags / flags.sum(0)).clamp(min=torch.finfo(embedding.dtype).tiny)
        if not self.num_dimensions:
            return (logits.log_softmax(-1) + weights.log()[..., None]).logsumexp(0)
        num_labels = self.num_classes - self.num_dimensions
        mixed = (logits[..., :num_labels].log_softmax(-1) + weights.log()[..., None]).logsumexp(0)  # [B, C]
        values = (logits[..., num_labels:] * weights[..., None]).sum(0)  # [B, D]
        return torch.cat([mixed, values], 1)


class EmbraceNet(PooledFusion):
    """EmbraceNet without crossmodal attention (Choi and Lee 2019)."""

    reads_null_tokens: ClassVar[bool] = False

    def __init__(
        self, config: FusionConfig, widths: Mapping[str, int], num_classes: int, *, protocol: Protocol = "offline"
    ) -> None:
        super().__init__(config, widths, num_classes, protocol=protocol)
        self.embracement = make_embracement(self.modalities, config)

    def fuse(self, batch: FusionInput) -> Float[Tensor, "B c"]:
        vectors = dict(zip(self.modalities, self.pool_and_project(batch), strict=True))
        fused: Tensor = self.embracement(vectors, batch.p)
        return fused


class CrossmodalConcatenation(CrossmodalFusion):
    """Crossmodal attention as in the paper, then concatenation: what the paper compares EmbraceNet with ([38])."""

    def __init__(
        self, config: FusionConfig, widths: Mapping[str, int], num_classes: int, *, protocol: Protocol = "offline"
    ) -> None:
        super().__init__(config, widths, num_classes, protocol=protocol)
        self.mix = mlp(len(widths) * (config.d_model + 1), config)

    def fuse(self, batch: FusionInput) -> Float[Tensor, "B c"]:
        pooled = self.pool_crossmodal(batch)
        vectors = torch.stack([pooled[name] * mask.any(1)[:, None] for name, mask in batch.masks.items()])  # [M, B, d]
        fused: Tensor = self.mix(concatenate_with_flags(vectors, batch.p))
        return fused
