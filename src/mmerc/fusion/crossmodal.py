"""Crossmodal transformers: every modality enriched by every other one (article, Eq. 6-12; Tsai et al. 2019).

The article has a network for each ordered pair. Here the pairs of one target are computed together: one projection of
each modality gives all that it asks and answers, one attention call and two batched products serve all its sources.
`tests/fusion/plain.py` is the same network pair by pair.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.fusion.fusion import Masks, Sequences, answerable

CLOSED: ContextVar[frozenset[tuple[str, str]]] = ContextVar("closed", default=frozenset())


@contextmanager
def closed(*pairs: tuple[str, str]) -> Iterator[None]:
    """Within it, in this thread, these (source, target) pairs count as if the source were missing for that target."""
    before = CLOSED.set(frozenset(pairs))
    try:
        yield
    finally:
        CLOSED.reset(before)


class PairedLinear(nn.Module):
    """A linear layer of its own for each of S pairs: [S, B, T, i] -> [S, B, T, o]."""

    def __init__(self, pairs: int, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__()
        reach = 1 / math.sqrt(inputs)  # as nn.Linear starts
        self.weight = nn.Parameter(torch.empty(pairs, inputs, outputs).uniform_(-reach, reach))
        self.bias = nn.Parameter(torch.empty(pairs, 1, outputs).uniform_(-reach, reach)) if bias else None

    def forward(self, x: Float[Tensor, "S B T i"]) -> Float[Tensor, "S B T o"]:
        flat = x.flatten(1, 2)  # [S, B * T, i]
        out = flat @ self.weight if self.bias is None else torch.baddbmm(self.bias, flat, self.weight)
        return out.reshape(x.shape[0], x.shape[1], x.shape[2], -1)


class PairedNorm(nn.Module):
    """A LayerNorm of its own for each of S pairs."""

    def __init__(self, pairs: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.weight = nn.Parameter(torch.ones(pairs, 1, 1, width))
        self.bias = nn.Parameter(torch.zeros(pairs, 1, 1, width))

    def forward(self, x: Float[Tensor, "S B T d"]) -> Float[Tensor, "S B T d"]:
        bias, weight = self.bias.to(x.dtype), self.weight.to(x.dtype)  # in float32 they would widen all that follows
        return torch.addcmul(bias, F.layer_norm(x, (self.width,)), weight)


class CrossmodalLayer(nn.Module):
    """Eq. 6-11 for one target and its S sources, post-norm. There is no projection behind the heads: Eq. 6 has none."""

    def __init__(self, pairs: int, width: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm_attention = PairedNorm(pairs, width)
        self.widen = PairedLinear(pairs, width, 2 * width)
        self.narrow = PairedLinear(pairs, 2 * width, width)
        self.norm_output = PairedNorm(pairs, width)

    def forward(
        self,
        query: Float[Tensor, "S B Tt d"],
        key: Float[Tensor, "S B Ts d"],
        value: Float[Tensor, "S B Ts d"],
        mask: Bool[Tensor, "S B Ts"],
    ) -> Float[Tensor, "S B Tt d"]:
        q, k, v = (self._heads(part) for part in (query, key, value))
        attended = F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask.flatten(0, 1)[:, None, None], dropout_p=self.dropout if self.training else 0.0
        )  # Eq. 6
        x = self.norm_attention(attended.transpose(1, 2).reshape(query.shape) + query)  # Eq. 7
        return self.norm_output(self.narrow(F.relu(self.widen(x), inplace=True)) + x)  # Eq. 8-11

    def _heads(self, x: Float[Tensor, "S B T d"]) -> Float[Tensor, "SB h T _"]:
        return x.reshape(-1, x.shape[2], self.heads, x.shape[3] // self.heads).transpose(1, 2)


class Target(nn.Module):
    """One modality as target of `pairs` sources: what it asks each of them, layer after layer."""

    def __init__(self, inputs: int, pairs: int, width: int, *, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.pairs = pairs
        self.query = nn.Linear(inputs, pairs * width, bias=False)
        self.queries = nn.ModuleList(PairedLinear(pairs, width, width, bias=False) for _ in range(layers - 1))
        self.layers = nn.ModuleList(CrossmodalLayer(pairs, width, heads=heads, dropout=dropout) for _ in range(layers))

    def forward(
        self, sequence: Float[Tensor, "B Tt i"], answers: Float[Tensor, "S B Ts l 2 d"], mask: Bool[Tensor, "S B Ts"]
    ) -> Float[Tensor, "S B Tt d"]:
        x = self.query(sequence).reshape(*sequence.shape[:2], self.pairs, -1)  # [B, Tt, S, d]
        x = x.movedim(2, 0).contiguous()  # [S, B, Tt, d]
        # Unbound, not indexed: the backward pass of each index would fill all of `answers` with zeros first.
        for number, (layer, answer) in enumerate(zip(self.layers, answers.unbind(3), strict=True)):
            if number:
                x = self.queries[number - 1](x)
            x = layer(x, *answer.unbind(3), mask)
        return x


class CrossmodalAttention(nn.Module):
    """Every ordered pair; per target the Hadamard product over its available sources (Eq. 12).

    `inputs`: the width of each modality. `layers` lets the enriched target ask the same sources again; the article has
    one. Where an utterance has no other source, its target's own projection stands in for the product. `gated`: the sources
    are added to that projection, each under a gate that it opens, so that one source cannot silence another.
    """

    def __init__(
        self,
        inputs: Mapping[str, int],
        width: int,
        *,
        layers: int = 1,
        heads: int = 1,
        dropout: float = 0.0,
        gated: bool = False,
    ) -> None:
        super().__init__()
        self.names, self.layers, self.width = tuple(inputs), layers, width
        pairs = len(self.names) - 1
        self.own = nn.ModuleDict({name: nn.Linear(size, width) for name, size in inputs.items()})
        self.gates = nn.ModuleDict({name: nn.Linear(width, pairs * width) for name in inputs}) if gated else None
        self.targets = nn.ModuleDict(
            {
                name: Target(size, pairs, width, layers=layers, heads=heads, dropout=dropout)
                for name, size in inputs.items()
            }
        )
        # Key and value for each target and layer.
        self.sources = nn.ModuleDict(
            {name: nn.Linear(size, pairs * layers * 2 * width, bias=False) for name, size in inputs.items()}
        )

    def forward(self, sequences: Sequences, masks: Masks) -> dict[str, Float[Tensor, "B _ d"]]:
        """Each target's enriched sequence; rows in which the target itself is missing hold numbers without meaning."""
        if len(self.names) == 1:
            return {name: self.own[name](sequences[name]) for name in self.names}
        present = {name: masks[name].any(1) for name in self.names}  # [B] each
        safe = {name: answerable(masks[name]) for name in self.names}
        told = {
            name: dict(zip(self._others(name), self._answers(name, sequences[name]).unbind(2), strict=True))
            for name in self.names
        }
        shut, enriched = CLOSED.get(), {}
        for target in self.names:
            others = self._others(target)
            longest = max(safe[source].shape[1] for source in others)
            out = self.targets[target](
                sequences[target],
                torch.stack([lengthened(told[source][target], longest) for source in others]),
                torch.stack([lengthened(safe[source], longest) for source in others]),
            )  # [S, B, Tt, d]
            available = [present[s] if (s, target) not in shut else torch.zeros_like(present[s]) for s in others]
            own = self.own[target](sequences[target])
            if self.gates is None:
                enriched[target] = multiplied(own, out, available)
            else:
                enriched[target] = gated(own, out, available, self.gates[target](own))
        return enriched

    def _answers(self, source: str, sequence: Float[Tensor, "B Ts i"]) -> Float[Tensor, "B Ts targets l 2 d"]:
        """What a source says to each target and layer: keys and values."""
        sizes = (len(self.names) - 1, self.layers, 2, self.width)
        return self.sources[source](sequence).reshape(*sequence.shape[:2], *sizes)

    def _others(self, name: str) -> Sequence[str]:
        return [other for other in self.names if other != name]


def multiplied(
    own: Float[Tensor, "B Tt d"], out: Float[Tensor, "S B Tt d"], available: Sequence[Bool[Tensor, " B"]]
) -> Float[Tensor, "B Tt d"]:
    """Eq. 12: the Hadamard product of the sources that are there; where there is none, the target's own projection."""
    # One by one, because the backward pass of `prod` takes six passes over memory.
    factors = [torch.where(there[:, None, None], one, 1.0) for one, there in zip(out, available, strict=True)]
    alone = ~torch.stack(tuple(available)).any(0)  # [B]
    return torch.where(alone[:, None, None], own, math.prod(factors[1:], start=factors[0]))


def gated(
    own: Float[Tensor, "B Tt d"],
    out: Float[Tensor, "S B Tt d"],
    available: Sequence[Bool[Tensor, " B"]],
    gates: Float[Tensor, "B Tt f"],
) -> Float[Tensor, "B Tt d"]:
    """The target's own projection and, each through its gate (f = S * d), the sources that are there."""
    opened = gates.sigmoid().chunk(len(available), -1)
    parts = [gate * one * there[:, None, None] for gate, one, there in zip(opened, out, available, strict=True)]
    return sum(parts, start=own)


def lengthened(x: Shaped[Tensor, "B T ..."], length: int | Tensor) -> Shaped[Tensor, "B L ..."]:
    """The same steps with zeros behind them."""
    if x.shape[1] == length:
        return x
    return F.pad(x, [0, 0] * (x.ndim - 2) + [0, int(length) - x.shape[1]])
