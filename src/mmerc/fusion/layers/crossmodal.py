"""Crossmodal transformers: every modality reads every other one (Eq. 6-12 of the paper; Tsai et al. 2019).

The paper has one network for each ordered pair of modalities. So has this module, but it stores the weights of all pairs of
a target together. A target reads its sources one after the other: in one call they would be padded to the longest source,
and on a CPU every pass over memory costs time (docs/experiments.md). `tests/fusion/layers/plain.py` is the same network with
one module per pair, computed utterance by utterance.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.fusion.layers.modality_dict import ModalityDict
from mmerc.fusion.layers.sequences import Masks, Sequences, ensure_one_step
from mmerc.hardware import linear

BlockedPairs = frozenset[tuple[str, str]]  # (source, target)


class PairedLinear(nn.Module):
    """A separate linear layer for each of S pairs: [B, T, i] -> [B, T, o]."""

    def __init__(self, pairs: int, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)  # the initialisation of nn.Linear
        self.weight = nn.Parameter(torch.empty(pairs, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(pairs, 1, outputs).uniform_(-bound, bound)) if bias else None

    def forward(
        self,
        x: Float[Tensor, "B T i"],
        pair: int,
        *,
        relu: bool = False,
        plus: Float[Tensor, "B T o"] | None = None,
    ) -> Float[Tensor, "B T o"]:
        """Apply the layer of `pair`, then ReLU (if `relu`), then add `plus` (if given)."""
        weight, bias = self.weight[pair], None if self.bias is None else self.bias[pair, 0]  # [i, o], [o]
        return linear(x, weight, bias, relu=relu, plus=plus)


class PairedNorm(nn.Module):
    """A separate LayerNorm for each of S pairs."""

    def __init__(self, pairs: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(pairs, 1, 1, width))
        self.bias = nn.Parameter(torch.zeros(pairs, 1, 1, width))

    def forward(self, x: Float[Tensor, "B T d"], pair: int) -> Float[Tensor, "B T d"]:
        weight, bias = self.weight[pair, 0, 0], self.bias[pair, 0, 0]  # [d] each
        return F.layer_norm(x, weight.shape, weight, bias)


class CrossmodalLayer(nn.Module):
    """Eq. 6-11 for one target and its S sources, post-norm. As in Eq. 6, there is no projection after the heads."""

    def __init__(self, pairs: int, d_model: int, *, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads, self.dropout, self.scale = num_heads, dropout, (d_model / num_heads) ** -0.5
        self.norm_attention = PairedNorm(pairs, d_model)
        self.widen = PairedLinear(pairs, d_model, 2 * d_model)
        self.narrow = PairedLinear(pairs, 2 * d_model, d_model)
        self.norm_output = PairedNorm(pairs, d_model)

    def forward(
        self,
        pair: int,
        query: Float[Tensor, "B Tt d"],
        source: Float[Tensor, "B Ts i"],
        key_value_weight: Float[Tensor, "2 d i"],
        mask: Bool[Tensor, "B Ts"],
    ) -> Float[Tensor, "B Tt d"]:
        if self.num_heads == 1 and query.shape[1] < source.shape[1]:
            # q . (K s) = (q K) . s, and the attention-weighted sum of V s is V times that of s. So only the shorter of
            # the two sequences is projected; the keys and values of the longer one are never computed.
            key, value = key_value_weight.unbind()  # [d, i] each
            attended = F.linear(self._attend(query @ key, source, source, mask), value)
        else:
            key, value = F.linear(source, key_value_weight.flatten(0, 1)).chunk(2, -1)  # [B, Ts, d] each
            attended = self._attend(query, key, value, mask)
        x = self.norm_attention(attended + query, pair)  # Eq. 7
        hidden = self.widen(x, pair, relu=True)  # [B, Tt, 2 d], Eq. 8 and 9
        out: Tensor = self.norm_output(self.narrow(hidden, pair, plus=x), pair)  # Eq. 10 and 11
        return out

    def _attend(
        self,
        query: Float[Tensor, "B Tt e"],
        key: Float[Tensor, "B Ts e"],
        value: Float[Tensor, "B Ts e"],
        mask: Bool[Tensor, "B Ts"],
    ) -> Float[Tensor, "B Tt e"]:
        """Compute Eq. 6. The scale is that of d_model / num_heads, whatever e is."""
        q, k, v = (torch.unflatten(part, -1, (self.num_heads, -1)).transpose(1, 2) for part in (query, key, value))
        attended = F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask[:, None, None], dropout_p=self.dropout if self.training else 0.0, scale=self.scale
        )  # [B, h, Tt, e / h]
        return attended.transpose(1, 2).reshape(query.shape)


class Target(nn.Module):
    """One modality as the target of `pairs` sources: the queries and the layers, for each source."""

    def __init__(
        self, inputs: int, pairs: int, d_model: int, *, num_layers: int, num_heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.pairs = pairs
        self.query = nn.Linear(inputs, pairs * d_model, bias=False)
        self.queries = nn.ModuleList(PairedLinear(pairs, d_model, d_model, bias=False) for _ in range(num_layers - 1))
        self.layers = nn.ModuleList(
            CrossmodalLayer(pairs, d_model, num_heads=num_heads, dropout=dropout) for _ in range(num_layers)
        )

    def forward(
        self,
        sequence: Float[Tensor, "B Tt i"],
        sources: Sequence[Float[Tensor, "B _ _"]],
        key_value_weights: Sequence[Float[Tensor, "l 2 d _"]],
        masks: Sequence[Bool[Tensor, "B _"]],
    ) -> list[Float[Tensor, "B Tt d"]]:
        """Read each source. `key_value_weights` has the weights of each source for all layers."""
        out = []
        for pair, (query, source, weights, mask) in enumerate(
            zip(self.query.weight.chunk(self.pairs), sources, key_value_weights, masks, strict=True)
        ):
            x = F.linear(sequence, query)  # [B, Tt, d]
            for index, (layer, weight) in enumerate(zip(self.layers, weights, strict=True)):
                if index:
                    x = self.queries[index - 1](x, pair)
                x = layer(pair, x, source, weight, mask)
            out.append(x)
        return out


class CrossmodalAttention(nn.Module):
    """Crossmodal transformers for every ordered pair; for each target the Hadamard product over its sources (Eq. 12).

    Args:
        widths: the width of each modality's sequence.
        d_model: d of the output.
        num_layers: how often the target reads the same sources; the paper has 1.
        num_heads: heads of the attention.
        dropout: of the attention weights.

    If an utterance has no other modality, the product is replaced with a linear projection of the target.
    """

    def __init__(
        self, widths: Mapping[str, int], d_model: int, *, num_layers: int = 1, num_heads: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.names, self.num_layers, self.d_model = tuple(widths), num_layers, d_model
        pairs = len(self.names) - 1
        self.projection = ModalityDict({name: nn.Linear(width, d_model) for name, width in widths.items()})
        self.targets = ModalityDict(
            {
                name: Target(width, pairs, d_model, num_layers=num_layers, num_heads=num_heads, dropout=dropout)
                for name, width in widths.items()
            }
        )
        # Keys and values of a source, for each target and layer.
        self.key_value = ModalityDict(
            {name: nn.Linear(width, pairs * num_layers * 2 * d_model, bias=False) for name, width in widths.items()}
        )

    def forward(
        self, sequences: Sequences, masks: Masks, blocked_pairs: BlockedPairs = frozenset()
    ) -> dict[str, Float[Tensor, "B _ d"]]:
        """Compute each target's sequence; it has no meaning for utterances in which the target itself is missing.

        For a (source, target) in `blocked_pairs`, the target does not use the source, as if the source were missing.
        """
        if len(self.names) == 1:
            return {name: self.projection[name](sequences[name]) for name in self.names}
        is_available = {name: masks[name].any(1) for name in self.names}  # [B] each
        safe = {name: ensure_one_step(masks[name]) for name in self.names}
        weights = {name: self._split_weights(name) for name in self.names}
        out = {}
        for target in self.names:
            sources = [name for name in self.names if name != target]
            read = self.targets[target](
                sequences[target],
                [sequences[source] for source in sources],
                [weights[source][target] for source in sources],
                [safe[source] for source in sources],
            )
            is_used = [
                torch.zeros_like(is_available[source]) if (source, target) in blocked_pairs else is_available[source]
                for source in sources
            ]
            out[target] = multiply_sources(partial(self.projection[target], sequences[target]), read, is_used)
        return out

    def _split_weights(self, source: str) -> dict[str, Float[Tensor, "l 2 d i"]]:
        """Split the source's weights of keys and values by target."""
        targets = [name for name in self.names if name != source]
        sizes = (len(targets), self.num_layers, 2, self.d_model)
        weight = torch.unflatten(self.key_value[source].weight, 0, sizes)  # [M - 1, l, 2, d, i]
        # Unbound and not indexed: the backward pass of each index would first fill all of the weight with zeros.
        return dict(zip(targets, weight.unbind(), strict=True))


def multiply_sources(
    project_target: Callable[[], Float[Tensor, "B Tt d"]],
    read: Sequence[Float[Tensor, "B Tt d"]],
    is_used: Sequence[Bool[Tensor, " B"]],
) -> Float[Tensor, "B Tt d"]:
    """Compute Eq. 12: the Hadamard product over the sources in use, or the projected target if there is none."""
    # Factor by factor, because the backward pass of `prod` takes six passes over memory.
    factors = [
        torch.where(used[:, None, None], factor, 1.0) if _has_any(~used) else factor
        for factor, used in zip(read, is_used, strict=True)
    ]
    product = math.prod(factors[1:], start=factors[0])
    is_alone = ~torch.stack(tuple(is_used)).any(0)  # [B]
    return torch.where(is_alone[:, None, None], project_target(), product) if _has_any(is_alone) else product


def _has_any(rows: Bool[Tensor, " B"]) -> bool:
    """Whether any row is True. Mostly none is, which saves a pass over memory; a traced graph must fit every batch."""
    return torch._C._is_tracing() or bool(rows.any())
