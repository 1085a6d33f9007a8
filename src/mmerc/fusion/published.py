"""Fusions of other papers: the comparators of the paper's Table 3 and the multimodal transformer it builds on.

Each is as its paper describes it for two or three modalities, carried on to any number; what is missing gives zeros and a flag.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmerc.fusion.base import Fusion, FusionConfig, Masks, Pooling, Sequences, answerable
from mmerc.fusion.baselines import flagged, mlp
from mmerc.fusion.crossmodal_embracenet import Crossmodal


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


class SelfAttention(nn.Module):
    """A modality's steps, each looking at all others: attention beside a residual, behind it a norm."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, dropout=dropout, batch_first=True)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Float[Tensor, "B T d"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B T d"]:
        return self.norm(x + self.attention(x, x, x, key_padding_mask=~mask, need_weights=False)[0])


class MultiLevel(Fusion):
    """Multi-level multi-head fusion attention (Ho et al. 2020), for any number of modalities.

    First level: a recurrent network with self-attention over each modality's steps. Second: each modality's summary asks
    the steps of all by multi-head attention; summaries and answers stand side by side. Their abstract says so much; sizes,
    residuals and norms are ours.
    """

    def __init__(self, config: FusionConfig, inputs: Mapping[str, int], classes: int) -> None:
        super().__init__(config, inputs, classes)
        width = config.width
        self.recurrent = nn.ModuleDict(
            {name: nn.GRU(size, width, batch_first=True, bidirectional=True) for name, size in self.inputs.items()}
        )
        self.projection = nn.ModuleDict({name: nn.Linear(2 * width, width) for name in self.inputs})
        self.own = nn.ModuleDict({name: SelfAttention(width, config.heads, config.dropout) for name in self.inputs})
        self.pooling = nn.ModuleDict({name: Pooling(config.pooling, width) for name in self.inputs})
        self.across = nn.MultiheadAttention(width, config.heads, dropout=config.dropout, batch_first=True)
        self.mix = mlp(len(inputs) * (2 * width + 1), config)

    def fused(self, sequences: Sequences, masks: Masks, p: Float[Tensor, "M B"]) -> Float[Tensor, "B c"]:
        safe = {name: answerable(mask) for name, mask in masks.items()}
        steps = {}
        for name, mask in safe.items():
            packed = pack_padded_sequence(sequences[name], mask.sum(1).cpu(), batch_first=True, enforce_sorted=False)
            states, _ = pad_packed_sequence(
                self.recurrent[name](packed)[0], batch_first=True, total_length=mask.shape[1]
            )
            steps[name] = self.own[name](self.projection[name](states), mask)
        vectors = torch.stack([self.pooling[name](steps[name], mask) for name, mask in masks.items()], 1)  # [B, M, d]
        every = torch.cat([steps[name] for name in masks], 1)  # [B, sum of T, d]
        real = torch.cat(list(masks.values()), 1)
        answers, _ = self.across(vectors, every, every, key_padding_mask=~real, need_weights=False)
        there = torch.stack([mask.any(1) for mask in masks.values()], 1)[..., None]  # [B, M, 1]
        return self.mix(flagged((torch.cat([vectors, answers], -1) * there).transpose(0, 1), p))


class CTNet(Crossmodal):
    """CTNet (Lian et al. 2021): a transformer layer within each modality and one for each pair, side by side; the fused
    vectors of a dialogue are then read with their speakers (`fusion.context`). As far as their abstract says it."""

    def __init__(self, config: FusionConfig, inputs: Mapping[str, int], classes: int) -> None:
        super().__init__(config, inputs, classes)
        self.projection = nn.ModuleDict({name: nn.Linear(size, config.width) for name, size in self.inputs.items()})
        self.within = nn.ModuleDict(
            {name: PreNormLayer(config.width, config.heads, config.dropout) for name in self.inputs}
        )
        self.within_pooling = nn.ModuleDict({name: Pooling(config.pooling, config.width) for name in self.inputs})
        self.mix = mlp(len(inputs) * (2 * config.width + 1), config)

    def fused(self, sequences: Sequences, masks: Masks, p: Float[Tensor, "M B"]) -> Float[Tensor, "B c"]:
        across = self.enriched(sequences, masks)
        pooled = []
        for name, mask in masks.items():
            x = self.projection[name](sequences[name])
            within = self.within_pooling[name](self.within[name](x, x, answerable(mask)), mask)
            pooled.append(torch.cat([within, across[name]], -1) * mask.any(1)[:, None])
        return self.mix(flagged(torch.stack(pooled), p))
