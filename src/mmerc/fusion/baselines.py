"""What the paper's fusion is compared with, behind the same interface: any modalities, any of them missing.

A modality that is missing gives zeros, beside a flag where a network could mistake them for something said.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.fusion.base import Fusion, FusionConfig, Masks, Pooling, Sequences
from mmerc.fusion.crossmodal_embracenet import Crossmodal
from mmerc.fusion.layers.dialogue_context import Dialogues
from mmerc.fusion.layers.embracement import Docking

RANK = 4  # of low-rank tensor fusion


def mlp(inputs: int, config: FusionConfig) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, config.size), nn.ReLU(), nn.Dropout(config.dropout))


class Pooled(Fusion):
    """Base of those that read one vector a modality: pooled over time, projected to `width`."""

    def __init__(self, config: FusionConfig, inputs: Mapping[str, int], classes: int) -> None:
        super().__init__(config, inputs, classes)
        self.pooling = nn.ModuleDict({name: Pooling(config.pooling, size) for name, size in self.inputs.items()})
        self.projection = nn.ModuleDict({name: nn.Linear(size, config.width) for name, size in self.inputs.items()})

    def vectors(self, sequences: Sequences, masks: Masks) -> Float[Tensor, "M B d"]:
        """Zeros for what is missing."""
        return torch.stack(
            [
                F.relu(self.projection[name](self.pooling[name](sequences[name], mask))) * mask.any(1)[:, None]
                for name, mask in masks.items()
            ]
        )


def flagged(vectors: Float[Tensor, "M B d"], p: Float[Tensor, "M B"]) -> Float[Tensor, "B f"]:
    """The vectors side by side, behind them which of them are there."""
    return torch.cat([vectors.transpose(0, 1).flatten(1), (p > 0).T.to(vectors.dtype)], 1)


class EarlyConcatenation(Pooled):
    """One network on all vectors side by side."""

    def __init__(self, config: FusionConfig, inputs: Mapping[str, int], classes: int) -> None:
        super().__init__(config, inputs, classes)
        self.mix = mlp(len(inputs) * (config.width + 1), config)

    def fused(self, sequences: Sequences, masks: Masks, p: Float[Tensor, "M B"]) -> Float[Tensor, "B c"]:
        return self.mix(flagged(self.vectors(sequences, masks), p))


class AttentionPooling(Pooled):
    """The modalities' vectors weighted by a softmax over those that are there."""

    def __init__(self, config: FusionConfig, inputs: Mapping[str, int], classes: int) -> None:
        super().__init__(config, inputs, classes)
        self.score = nn.Sequential(nn.Linear(config.width, config.width), nn.Tanh(), nn.Linear(config.width, 1))
        self.mix = mlp(config.width, config)

    def fused(self, sequences: Sequences, masks: Masks, p: Float[Tensor, "M B"]) -> Float[Tensor, "B c"]:
        vectors = self.vectors(sequences, masks)
        scores = self.score(vectors)[..., 0].masked_fill(p == 0, float("-inf"))  # [M, B]
        return self.mix((scores.softmax(0)[..., None] * vectors).sum(0))


class LowRank(Pooled):
    """Low-rank multimodal fusion (Liu et al. 2018): the tensor product of all vectors, in rank-4 factors."""

    def __init__(self, config: FusionConfig, inputs: Mapping[str, int], classes: int) -> None:
        super().__init__(config, inputs, classes)
        shape = (len(inputs), RANK, config.width + 1, config.size)
        self.factors = nn.Parameter(torch.randn(shape) * (config.width + 1) ** -0.5)
        self.weights = nn.Parameter(torch.full((RANK,), 1 / RANK))
        self.bias = nn.Parameter(torch.zeros(config.size))

    def fused(self, sequences: Sequences, masks: Masks, p: Float[Tensor, "M B"]) -> Float[Tensor, "B c"]:
        vectors = self.vectors(sequences, masks)
        ones = torch.ones_like(vectors[..., :1])
        terms = torch.einsum("mbd,mrdc->mbrc", torch.cat([vectors, ones], -1), self.factors)
        terms = terms.masked_fill((p == 0)[..., None, None], 1)  # neutral in the product
        return torch.einsum("brc,r->bc", terms.prod(0), self.weights) + self.bias


class Late(Pooled):
    """A classifier for each modality; the fused vector is their logits and flags, which `_told` makes one answer of."""

    def __init__(self, config: FusionConfig, inputs: Mapping[str, int], classes: int) -> None:
        super().__init__(config.model_copy(update={"size": len(inputs) * (classes + 1)}), inputs, classes)
        self.own = nn.ModuleDict(
            {name: nn.Sequential(nn.Dropout(config.dropout), nn.Linear(config.width, classes)) for name in self.inputs}
        )
        self.classes = classes

    def fused(self, sequences: Sequences, masks: Masks, p: Float[Tensor, "M B"]) -> Float[Tensor, "B c"]:
        vectors = self.vectors(sequences, masks)
        logits = torch.stack([self.own[name](vector) for name, vector in zip(masks, vectors, strict=True)])
        return flagged(logits * (p > 0)[..., None], p)


class LateStacking(Late):
    """A linear layer on the logits of the modalities' own classifiers."""


class LateAveraging(Late):
    """The mean of the probabilities that the modalities' own classifiers give."""

    def __init__(self, config: FusionConfig, inputs: Mapping[str, int], classes: int) -> None:
        super().__init__(config, inputs, classes)
        self.classifier.requires_grad_(False)  # not asked

    def answered(self, embedding: Float[Tensor, "B c"], dialogues: Dialogues | None) -> Float[Tensor, "B C"]:
        count = len(self.modalities)
        there = embedding[:, -count:].T  # [M, B]
        logits = embedding[:, :-count].unflatten(1, (count, self.classes)).transpose(0, 1)  # [M, B, C]
        shares = (there / there.sum(0)).clamp(min=torch.finfo(there.dtype).tiny).log()
        return (logits.log_softmax(-1) + shares[..., None]).logsumexp(0)


class EmbraceNet(Pooled):
    """EmbraceNet without crossmodal attention (Choi and Lee 2019)."""

    def __init__(self, config: FusionConfig, inputs: Mapping[str, int], classes: int) -> None:
        super().__init__(config, inputs, classes)
        self.docking = Docking(dict.fromkeys(self.inputs, config.width), config.size)

    def fused(self, sequences: Sequences, masks: Masks, p: Float[Tensor, "M B"]) -> Float[Tensor, "B c"]:
        vectors = dict(zip(masks, self.vectors(sequences, masks), strict=True))
        return self.embraced(self.docking(vectors), p)


class CrossmodalConcatenation(Crossmodal):
    """Crossmodal attention as the paper has it, its answers side by side: what the paper holds against [38]."""

    def __init__(self, config: FusionConfig, inputs: Mapping[str, int], classes: int) -> None:
        super().__init__(config, inputs, classes)
        self.mix = mlp(len(inputs) * (config.width + 1), config)

    def fused(self, sequences: Sequences, masks: Masks, p: Float[Tensor, "M B"]) -> Float[Tensor, "B c"]:
        enriched = self.enriched(sequences, masks)
        pooled = [enriched[name] * mask.any(1)[:, None] for name, mask in masks.items()]
        return self.mix(flagged(torch.stack(pooled), p))
