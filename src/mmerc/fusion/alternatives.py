"""What the article's fusion is compared with, behind the same interface: any modalities, any of them missing.

A modality that is missing gives zeros, beside a flag where a network could mistake them for something said.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.fusion.context import Dialogues
from mmerc.fusion.embracenet import Docking
from mmerc.fusion.fusion import Fusion, FusionConfig, Masks, Pooling, Sequences, answerable
from mmerc.fusion.model import Crossmodal

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
    """Crossmodal attention as the article has it, its answers side by side: what the article holds against [38]."""

    def __init__(self, config: FusionConfig, inputs: Mapping[str, int], classes: int) -> None:
        super().__init__(config, inputs, classes)
        self.mix = mlp(len(inputs) * (config.width + 1), config)

    def fused(self, sequences: Sequences, masks: Masks, p: Float[Tensor, "M B"]) -> Float[Tensor, "B c"]:
        enriched = self.enriched(sequences, masks)
        pooled = [enriched[name] * mask.any(1)[:, None] for name, mask in masks.items()]
        return self.mix(flagged(torch.stack(pooled), p))


class InterModality(Fusion):
    """Inter-modality attention and concatenation (Siriwardhana et al. 2020): each modality's summary asks the steps of
    every other one; the summaries, the answers and the summaries' Hadamard products stand side by side."""

    def __init__(self, config: FusionConfig, inputs: Mapping[str, int], classes: int) -> None:
        super().__init__(config, inputs, classes)
        self.projection = nn.ModuleDict({name: nn.Linear(size, config.width) for name, size in self.inputs.items()})
        self.pooling = nn.ModuleDict({name: Pooling(config.pooling, config.width) for name in self.inputs})
        self.attention = nn.ModuleDict(
            {
                f"{source}->{target}": nn.MultiheadAttention(
                    config.width, config.heads, dropout=config.dropout, batch_first=True
                )
                for target in self.inputs
                for source in self.inputs
                if source != target
            }
        )
        count = len(self.inputs)
        pairs = count * (count - 1)
        self.mix = mlp((count + pairs + pairs // 2) * config.width + count, config)

    def fused(self, sequences: Sequences, masks: Masks, p: Float[Tensor, "M B"]) -> Float[Tensor, "B c"]:
        steps = {name: self.projection[name](sequences[name]) for name in masks}
        there = {name: mask.any(1)[:, None] for name, mask in masks.items()}  # [B, 1]
        vectors = {name: self.pooling[name](steps[name], mask) for name, mask in masks.items()}  # [B, d]
        parts = list(vectors.values())
        names = list(masks)
        for pair, attention in self.attention.items():
            source, target = pair.split("->")
            answer, _ = attention(
                vectors[target][:, None],
                steps[source],
                steps[source],
                key_padding_mask=~answerable(masks[source]),
                need_weights=False,
            )
            parts.append(answer[:, 0] * there[source] * there[target])
        parts += [vectors[a] * vectors[b] for place, a in enumerate(names) for b in names[place + 1 :]]
        return self.mix(torch.cat([*parts, (p > 0).T.to(parts[0].dtype)], 1))


class MulT(Fusion):
    """The multimodal transformer (Tsai et al. 2019): pre-norm crossmodal layers, their answers for one target side by
    side, a self-attention encoder as memory behind them, the last steps to the classifier."""

    def __init__(self, config: FusionConfig, inputs: Mapping[str, int], classes: int) -> None:
        super().__init__(config, inputs, classes)
        self.projection = nn.ModuleDict({name: nn.Linear(size, config.width) for name, size in self.inputs.items()})
        others = max(1, len(self.inputs) - 1)
        self.cross = nn.ModuleDict(
            {
                f"{source}->{target}": nn.ModuleList(
                    PreNormLayer(config.width, config.heads, config.dropout) for _ in range(config.layers)
                )
                for target in self.inputs
                for source in self.inputs
                if source != target
            }
        )
        self.memory = nn.ModuleDict(
            {name: PreNormLayer(others * config.width, config.heads, config.dropout) for name in self.inputs}
        )
        self.pooling = nn.ModuleDict({name: Pooling("last", others * config.width) for name in self.inputs})
        self.mix = mlp(len(self.inputs) * (others * config.width + 1), config)

    def fused(self, sequences: Sequences, masks: Masks, p: Float[Tensor, "M B"]) -> Float[Tensor, "B c"]:
        steps = {name: self.projection[name](sequences[name]) for name in masks}
        safe = {name: answerable(mask) for name, mask in masks.items()}
        pooled = []
        for target, mask in masks.items():
            answers = []
            for source in masks:
                if source == target:
                    continue
                x = steps[target]
                layers = self.cross[f"{source}->{target}"]
                assert isinstance(layers, nn.ModuleList)
                for layer in layers:
                    x = layer(x, steps[source], safe[source])
                answers.append(x * masks[source].any(1)[:, None, None])
            x = torch.cat(answers, -1) if answers else steps[target]
            pooled.append(self.pooling[target](self.memory[target](x, x, safe[target]), mask))
        return self.mix(flagged(torch.stack(pooled), p))


class PreNormLayer(nn.Module):
    """Attention and a feed-forward network, each behind its norm and beside a residual."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm_target, self.norm_source, self.norm_feed = (nn.LayerNorm(width) for _ in range(3))
        self.attention = nn.MultiheadAttention(width, heads, dropout=dropout, batch_first=True)
        self.feed = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(2 * width, width)
        )

    def forward(
        self, target: Float[Tensor, "B Tt d"], source: Float[Tensor, "B Ts d"], mask: Bool[Tensor, "B Ts"]
    ) -> Float[Tensor, "B Tt d"]:
        query, answer = self.norm_target(target), self.norm_source(source)
        x = target + self.attention(query, answer, answer, key_padding_mask=~mask, need_weights=False)[0]
        return x + self.feed(self.norm_feed(x))
