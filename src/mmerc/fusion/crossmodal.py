"""Crossmodal transformers: every modality enriched by every other one (article, Eq. 6-12; Tsai et al. 2019)."""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

Sequences = Mapping[str, Float[Tensor, "B _ _"]]  # [B, T, d] with a T and a d for each modality
Masks = Mapping[str, Bool[Tensor, "B _"]]


class CrossmodalBlock(nn.Module):
    """Source -> target: the target asks, the source answers (Eq. 6-11, post-norm).

    `inputs`: widths of target and source; `width`: d, divisible by `heads`. There is no projection behind the heads:
    Eq. 6 has none.
    """

    def __init__(self, inputs: tuple[int, int], width: int, *, heads: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        target, source = inputs
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(target, width, bias=False)
        self.key = nn.Linear(source, width, bias=False)
        self.value = nn.Linear(source, width, bias=False)
        self.norm_attention = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)
        self.norm_output = nn.LayerNorm(width)

    def forward(
        self, target: Float[Tensor, "B Tt dt"], source: Float[Tensor, "B Ts ds"], source_mask: Bool[Tensor, "B Ts"]
    ) -> Float[Tensor, "B Tt d"]:
        query = self.query(target)
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [B, h, T, d / h]
            for part in (query, self.key(source), self.value(source))
        )
        attended = F.scaled_dot_product_attention(
            q, k, v, attn_mask=source_mask[:, None, None], dropout_p=self.dropout if self.training else 0.0
        )  # Eq. 6
        x = self.norm_attention(attended.transpose(1, 2).flatten(2) + query)  # Eq. 7
        return self.norm_output(self.narrow(F.relu(self.widen(x))) + x)  # Eq. 8-11


class CrossmodalTransformer(nn.Module):
    """`layers` blocks, each of which lets the enriched target ask the same source again; the article has one."""

    def __init__(
        self, inputs: tuple[int, int], width: int, *, layers: int = 1, heads: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        target, source = inputs
        self.blocks = nn.ModuleList(
            CrossmodalBlock((width if layer else target, source), width, heads=heads, dropout=dropout)
            for layer in range(layers)
        )

    def forward(
        self, target: Float[Tensor, "B Tt dt"], source: Float[Tensor, "B Ts ds"], source_mask: Bool[Tensor, "B Ts"]
    ) -> Float[Tensor, "B Tt d"]:
        for block in self.blocks:
            target = block(target, source, source_mask)
        return target


class CrossmodalAttention(nn.Module):
    """One transformer for each ordered pair; per target the Hadamard product over its available sources (Eq. 12).

    `inputs`: the width of each modality. Where an utterance has no other source, its target's own projection stands
    in for the product.
    """

    def __init__(
        self, inputs: Mapping[str, int], width: int, *, layers: int = 1, heads: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.own = nn.ModuleDict({name: nn.Linear(size, width) for name, size in inputs.items()})
        self.pairs = nn.ModuleDict(
            {
                pair_name(source, target): CrossmodalTransformer(
                    (inputs[target], inputs[source]), width, layers=layers, heads=heads, dropout=dropout
                )
                for target in inputs
                for source in inputs
                if source != target
            }
        )

    def forward(self, sequences: Sequences, masks: Masks) -> dict[str, Float[Tensor, "B _ d"]]:
        """Each target's enriched sequence; rows in which the target itself is missing hold numbers without meaning."""
        present = {name: mask.any(1) for name, mask in masks.items()}  # [B] each
        # A missing source would leave softmax nothing to choose from: let it look at step 0 and discard the answer.
        safe = {name: mask | (~mask.any(1, keepdim=True) & first_step(mask)) for name, mask in masks.items()}
        enriched = {}
        for target, sequence in sequences.items():
            product, any_source = torch.ones((), device=sequence.device), torch.zeros_like(present[target])
            for source in sequences:
                if source == target:
                    continue
                out = self.pairs[pair_name(source, target)](sequence, sequences[source], safe[source])
                available = present[source]
                product = product * torch.where(available[:, None, None], out, torch.ones_like(out))
                any_source = any_source | available
            own = self.own[target](sequence)
            enriched[target] = torch.where(any_source[:, None, None], product, own)
        return enriched


def pair_name(source: str, target: str) -> str:
    return f"{source}->{target}"


def first_step(mask: Bool[Tensor, "B T"]) -> Bool[Tensor, " T"]:
    return torch.arange(mask.shape[1], device=mask.device) == 0
