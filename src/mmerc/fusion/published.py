"""Fusions of other papers: those of the paper's Table 3, and the multimodal transformer on which the paper builds.

Each follows its paper's description for two or three modalities, extended to any number. A missing modality gives zeros and
a flag.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mmerc.config import Protocol
from mmerc.fusion.base import Fusion, FusionConfig, FusionInput
from mmerc.fusion.baselines import concatenate_with_flags, mlp
from mmerc.fusion.crossmodal_embracenet import CrossmodalFusion
from mmerc.fusion.layers.modality_dict import ModalityDict
from mmerc.fusion.layers.pooling import Pooling
from mmerc.fusion.layers.sequences import ensure_one_step
from mmerc.recurrent import run_gru


class PreNormLayer(nn.Module):
    """A pre-norm transformer layer: attention to a source and a feed-forward network, each with a residual."""

    def __init__(self, width: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.norm_target, self.norm_source, self.norm_feed = (nn.LayerNorm(width) for _ in range(3))
        self.attention = nn.MultiheadAttention(width, num_heads, dropout=dropout, batch_first=True)
        self.feed = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(2 * width, width)
        )

    def forward(
        self, target: Float[Tensor, "B Tt d"], source: Float[Tensor, "B Ts d"], mask: Bool[Tensor, "B Ts"]
    ) -> Float[Tensor, "B Tt d"]:
        query, key = self.norm_target(target), self.norm_source(source)
        x = target + self.attention(query, key, key, key_padding_mask=~mask, need_weights=False)[0]
        out: Tensor = x + self.feed(self.norm_feed(x))
        return out


class SelfAttention(nn.Module):
    """Self-attention over a sequence with a residual, then a norm."""

    def __init__(self, width: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, num_heads, dropout=dropout, batch_first=True)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Float[Tensor, "B T d"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B T d"]:
        out: Tensor = self.norm(x + self.attention(x, x, x, key_padding_mask=~mask, need_weights=False)[0])
        return out


class InterModality(Fusion):
    """Inter-modality attention and concatenation (Siriwardhana et al. 2020).

    The pooled vector of each modality attends to the steps of every other one. The pooled vectors, the attended vectors and
    the Hadamard products of the pooled vectors are concatenated.
    """

    is_traceable: ClassVar[bool] = False  # torch's attention fixes the length of its source where it is traced

    def __init__(
        self, config: FusionConfig, widths: Mapping[str, int], num_classes: int, *, protocol: Protocol = "offline"
    ) -> None:
        super().__init__(config, widths, num_classes, protocol=protocol)
        self.projection = ModalityDict({name: nn.Linear(width, config.d_model) for name, width in self.widths.items()})
        self.pooling = ModalityDict({name: Pooling(config.pooling, config.d_model) for name in self.modalities})
        self.attention = ModalityDict(  # by target, then by source
            {
                target: ModalityDict(
                    {
                        source: nn.MultiheadAttention(
                            config.d_model, config.num_heads, dropout=config.dropout, batch_first=True
                        )
                        for source in self.modalities
                        if source != target
                    }
                )
                for target in self.modalities
            }
        )
        count = len(widths)
        pairs = count * (count - 1)
        self.mix = mlp((count + pairs + pairs // 2) * config.d_model + count, config)

    def fuse(self, batch: FusionInput) -> Float[Tensor, "B c"]:
        steps = {name: self.projection[name](batch.sequences[name]) for name in self.modalities}  # [B, T, d] each
        is_available = {name: mask.any(1)[:, None] for name, mask in batch.masks.items()}  # [B, 1] each
        pooled = {name: self.pooling[name](steps[name], mask) for name, mask in batch.masks.items()}  # [B, d] each
        parts = list(pooled.values())
        for target, attentions in self.attention.items():
            for source, attention in attentions.items():
                attended, _ = attention(
                    pooled[target][:, None],
                    steps[source],
                    steps[source],
                    key_padding_mask=~ensure_one_step(batch.masks[source]),
                    need_weights=False,
                )  # [B, 1, d]
                parts.append(attended[:, 0] * is_available[source] * is_available[target])
        parts += [pooled[first] * pooled[second] for first, second in combinations(self.modalities, 2)]
        fused: Tensor = self.mix(torch.cat([*parts, (batch.p > 0).T.to(parts[0].dtype)], 1))
        return fused


class MulT(Fusion):
    """The multimodal transformer (Tsai et al. 2019).

    Pre-norm crossmodal layers; their outputs for one target are concatenated; a self-attention layer follows as memory; the
    last steps are classified.
    """

    is_traceable: ClassVar[bool] = False  # torch's attention fixes the length of its source where it is traced

    def __init__(
        self, config: FusionConfig, widths: Mapping[str, int], num_classes: int, *, protocol: Protocol = "offline"
    ) -> None:
        super().__init__(config, widths, num_classes, protocol=protocol)
        d_model, num_heads, dropout = config.d_model, config.num_heads, config.dropout
        sources = max(1, len(widths) - 1)
        self.projection = ModalityDict({name: nn.Linear(width, d_model) for name, width in self.widths.items()})
        self.crossmodal = ModalityDict(  # by target, then by source
            {
                target: ModalityDict(
                    {
                        source: nn.ModuleList(
                            PreNormLayer(d_model, num_heads, dropout) for _ in range(config.num_layers)
                        )
                        for source in self.modalities
                        if source != target
                    }
                )
                for target in self.modalities
            }
        )
        self.memory = ModalityDict(
            {name: PreNormLayer(sources * d_model, num_heads, dropout) for name in self.modalities}
        )
        self.pooling = ModalityDict({name: Pooling("last", sources * d_model) for name in self.modalities})
        self.mix = mlp(len(widths) * (sources * d_model + 1), config)

    def fuse(self, batch: FusionInput) -> Float[Tensor, "B c"]:
        steps = {name: self.projection[name](batch.sequences[name]) for name in self.modalities}  # [B, T, d] each
        safe = {name: ensure_one_step(mask) for name, mask in batch.masks.items()}
        pooled = []
        for target, mask in batch.masks.items():
            read = []
            for source, layers in self.crossmodal[target].items():
                x = steps[target]
                for layer in layers:
                    x = layer(x, steps[source], safe[source])
                read.append(x * batch.masks[source].any(1)[:, None, None])
            x = torch.cat(read, -1) if read else steps[target]  # [B, T, (M - 1) d]
            pooled.append(self.pooling[target](self.memory[target](x, x, safe[target]), mask))
        fused: Tensor = self.mix(concatenate_with_flags(torch.stack(pooled), batch.p))
        return fused


class MultiLevel(Fusion):
    """Multi-level multi-head fusion attention (Ho et al. 2020), for any number of modalities.

    First level: a recurrent network with self-attention over each modality's steps. Second level: each modality's pooled
    vector reads the steps of all by multi-head attention. The pooled and the attended vectors are concatenated. This much is
    in their abstract; sizes, residuals and norms are our choice.
    """

    def __init__(
        self, config: FusionConfig, widths: Mapping[str, int], num_classes: int, *, protocol: Protocol = "offline"
    ) -> None:
        super().__init__(config, widths, num_classes, protocol=protocol)
        d_model, num_heads, dropout = config.d_model, config.num_heads, config.dropout
        self.recurrent = ModalityDict(
            {name: nn.GRU(width, d_model, batch_first=True, bidirectional=True) for name, width in self.widths.items()}
        )
        self.projection = ModalityDict({name: nn.Linear(2 * d_model, d_model) for name in self.modalities})
        self.within = ModalityDict({name: SelfAttention(d_model, num_heads, dropout) for name in self.modalities})
        self.pooling = ModalityDict({name: Pooling(config.pooling, d_model) for name in self.modalities})
        self.across = nn.MultiheadAttention(d_model, num_heads, dropout=dropout, batch_first=True)
        self.mix = mlp(len(widths) * (2 * d_model + 1), config)

    def fuse(self, batch: FusionInput) -> Float[Tensor, "B c"]:
        steps = {}
        for name, mask in batch.masks.items():
            safe = ensure_one_step(mask)
            states, _ = run_gru(self.recurrent[name], batch.sequences[name], safe.sum(1))  # [B, T, 2 d]
            steps[name] = self.within[name](self.projection[name](states), safe)  # [B, T, d]
        pooled = torch.stack([self.pooling[name](steps[name], mask) for name, mask in batch.masks.items()], 1)
        all_steps = torch.cat([steps[name] for name in self.modalities], 1)  # [B, sum of T, d]
        is_real = torch.cat([batch.masks[name] for name in self.modalities], 1)  # [B, sum of T]
        attended, _ = self.across(pooled, all_steps, all_steps, key_padding_mask=~is_real, need_weights=False)
        is_available = torch.stack([mask.any(1) for mask in batch.masks.values()], 1)[..., None]  # [B, M, 1]
        vectors = torch.cat([pooled, attended], -1) * is_available  # [B, M, 2 d]
        fused: Tensor = self.mix(concatenate_with_flags(vectors.transpose(0, 1), batch.p))
        return fused


class CTNet(CrossmodalFusion):
    """CTNet (Lian et al. 2021), as far as their abstract describes it.

    A transformer layer within each modality and one for each pair, concatenated. `DialogueContext` then reads the fused
    vectors and speakers of the dialogue.
    """

    is_traceable: ClassVar[bool] = False  # it reads dialogues of any number

    reads_dialogue: ClassVar[bool] = True

    def __init__(
        self, config: FusionConfig, widths: Mapping[str, int], num_classes: int, *, protocol: Protocol = "offline"
    ) -> None:
        super().__init__(config, widths, num_classes, protocol=protocol)
        d_model = config.d_model
        self.projection = ModalityDict({name: nn.Linear(width, d_model) for name, width in self.widths.items()})
        self.within = ModalityDict(
            {name: PreNormLayer(d_model, config.num_heads, config.dropout) for name in self.modalities}
        )
        self.within_pooling = ModalityDict({name: Pooling(config.pooling, d_model) for name in self.modalities})
        self.mix = mlp(len(widths) * (2 * d_model + 1), config)

    def fuse(self, batch: FusionInput) -> Float[Tensor, "B c"]:
        across = self.pool_crossmodal(batch)  # [B, d] each
        vectors = []
        for name, mask in batch.masks.items():
            x = self.projection[name](batch.sequences[name])  # [B, T, d]
            within = self.within_pooling[name](self.within[name](x, x, ensure_one_step(mask)), mask)  # [B, d]
            vectors.append(torch.cat([within, across[name]], -1) * mask.any(1)[:, None])
        fused: Tensor = self.mix(concatenate_with_flags(torch.stack(vectors), batch.p))
        return fused
