"""Crossmodal transformers: every modality enriched by every other one (paper, Eq. 6-12; Tsai et al. 2019).

The paper has a network for each ordered pair, and so has this; the weights of a modality's pairs lie together. A target
asks its sources one after the other: stacked into one call they would be padded to the longest, and on a processor every
pass over memory counts (docs/experiments.md). `tests/fusion/plain.py` is the same network with modules of their own,
utterance by utterance.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.fusion.base import Masks, Sequences, answerable
from mmerc.hardware import linear

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
    """A linear layer of its own for each of S pairs: [B, T, i] -> [B, T, o]."""

    def __init__(self, pairs: int, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__()
        reach = 1 / math.sqrt(inputs)  # as nn.Linear starts
        self.weight = nn.Parameter(torch.empty(pairs, inputs, outputs).uniform_(-reach, reach))
        self.bias = nn.Parameter(torch.empty(pairs, 1, outputs).uniform_(-reach, reach)) if bias else None

    def forward(
        self,
        x: Float[Tensor, "B T i"],
        pair: int,
        *,
        relu: bool = False,
        plus: Float[Tensor, "B T o"] | None = None,
    ) -> Float[Tensor, "B T o"]:
        """What the layer of `pair` makes of x, behind ReLU if that is wanted, with `plus` added to it if there is one."""
        weight, bias = self.weight[pair], None if self.bias is None else self.bias[pair, 0]  # [i, o], [o]
        return linear(x, weight, bias, relu=relu, plus=plus)


class PairedNorm(nn.Module):
    """A LayerNorm of its own for each of S pairs."""

    def __init__(self, pairs: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(pairs, 1, 1, width))
        self.bias = nn.Parameter(torch.zeros(pairs, 1, 1, width))

    def forward(self, x: Float[Tensor, "B T d"], pair: int) -> Float[Tensor, "B T d"]:
        weight, bias = self.weight[pair, 0, 0], self.bias[pair, 0, 0]
        return F.layer_norm(x, weight.shape, weight, bias)


class CrossmodalLayer(nn.Module):
    """Eq. 6-11 for one target and its S sources, post-norm. There is no projection behind the heads: Eq. 6 has none."""

    def __init__(self, pairs: int, width: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout, self.scale = heads, dropout, (width / heads) ** -0.5
        self.norm_attention = PairedNorm(pairs, width)
        self.widen = PairedLinear(pairs, width, 2 * width)
        self.narrow = PairedLinear(pairs, 2 * width, width)
        self.norm_output = PairedNorm(pairs, width)

    def forward(
        self,
        pair: int,
        query: Float[Tensor, "B Tt d"],
        source: Float[Tensor, "B Ts i"],
        projection: Float[Tensor, "2 d i"],
        mask: Bool[Tensor, "B Ts"],
    ) -> Float[Tensor, "B Tt d"]:
        """`projection`: of the source to keys and to values."""
        if self.heads == 1 and query.shape[1] < source.shape[1]:
            # q . (K s) is (q K) . s, and what attention takes of V s is V times what it takes of s: the shorter of both
            # sequences is projected, and keys and values of the longer are never written.
            key, value = projection.unbind()
            attended = F.linear(self._attended(query @ key, source, source, mask), value)
        else:
            key, value = F.linear(source, projection.flatten(0, 1)).chunk(2, -1)
            attended = self._attended(query, key, value, mask)
        x = self.norm_attention(attended + query, pair)  # Eq. 7
        hidden = self.widen(x, pair, relu=True)  # Eq. 8 and 9
        return self.norm_output(self.narrow(hidden, pair, plus=x), pair)  # Eq. 10 and 11

    def _attended(
        self,
        query: Float[Tensor, "B Tt e"],
        key: Float[Tensor, "B Ts e"],
        value: Float[Tensor, "B Ts e"],
        mask: Bool[Tensor, "B Ts"],
    ) -> Float[Tensor, "B Tt e"]:
        """Eq. 6, scaled for the width of the heads whatever that of the sequences."""
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (query, key, value))
        attended = F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask[:, None, None], dropout_p=self.dropout if self.training else 0.0, scale=self.scale
        )  # [B, h, Tt, e / h]
        return attended.transpose(1, 2).reshape(query.shape)


class Target(nn.Module):
    """One modality as target of `pairs` sources: what it asks each of them, layer after layer."""

    def __init__(self, inputs: int, pairs: int, width: int, *, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.pairs = pairs
        self.query = nn.Linear(inputs, pairs * width, bias=False)
        self.queries = nn.ModuleList(PairedLinear(pairs, width, width, bias=False) for _ in range(layers - 1))
        self.layers = nn.ModuleList(CrossmodalLayer(pairs, width, heads=heads, dropout=dropout) for _ in range(layers))

    def forward(
        self,
        sequence: Float[Tensor, "B Tt i"],
        sources: Sequence[Float[Tensor, "B _ _"]],
        projections: Sequence[Float[Tensor, "l 2 d _"]],
        masks: Sequence[Bool[Tensor, "B _"]],
    ) -> list[Float[Tensor, "B Tt d"]]:
        """`projections`: of each source to keys and values, layer by layer."""
        out = []
        for pair, (asked, source, projection, mask) in enumerate(
            zip(self.query.weight.chunk(self.pairs), sources, projections, masks, strict=True)
        ):
            x = F.linear(sequence, asked)  # [B, Tt, d]
            for number, (layer, projected) in enumerate(zip(self.layers, projection, strict=True)):
                if number:
                    x = self.queries[number - 1](x, pair)
                x = layer(pair, x, source, projected, mask)
            out.append(x)
        return out


class CrossmodalAttention(nn.Module):
    """Every ordered pair; per target the Hadamard product over its available sources (Eq. 12).

    `inputs`: the width of each modality. `layers` lets the enriched target ask the same sources again; the paper has
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
        projections = {name: dict(zip(self._others(name), self._projections(name), strict=True)) for name in self.names}
        shut, enriched = CLOSED.get(), {}
        for target in self.names:
            others = self._others(target)
            out = self.targets[target](
                sequences[target],
                [sequences[source] for source in others],
                [projections[source][target] for source in others],
                [safe[source] for source in others],
            )
            available = [present[s] if (s, target) not in shut else torch.zeros_like(present[s]) for s in others]
            if self.gates is None:
                enriched[target] = multiplied(partial(self.own[target], sequences[target]), out, available)
            else:
                own = self.own[target](sequences[target])
                enriched[target] = gated(own, out, available, self.gates[target](own))
        return enriched

    def _projections(self, source: str) -> tuple[Float[Tensor, "l 2 d i"], ...]:
        """Of a source to what it says to each target."""
        layer = self.sources[source]
        assert isinstance(layer, nn.Linear)
        # Unbound, not indexed: the backward pass of each index would fill all of the weight with zeros first.
        return layer.weight.unflatten(0, (len(self.names) - 1, self.layers, 2, self.width)).unbind()

    def _others(self, name: str) -> Sequence[str]:
        return [other for other in self.names if other != name]


def multiplied(
    own: Callable[[], Float[Tensor, "B Tt d"]],
    out: Sequence[Float[Tensor, "B Tt d"]],
    available: Sequence[Bool[Tensor, " B"]],
) -> Float[Tensor, "B Tt d"]:
    """Eq. 12: the Hadamard product of the sources that are there; where there is none, the target's own projection."""
    # One by one, because the backward pass of `prod` takes six passes over memory.
    factors = [
        torch.where(there[:, None, None], one, 1.0) if _some(~there) else one
        for one, there in zip(out, available, strict=True)
    ]
    product = math.prod(factors[1:], start=factors[0])
    alone = ~torch.stack(tuple(available)).any(0)  # [B]
    return torch.where(alone[:, None, None], own(), product) if _some(alone) else product


def _some(rows: Bool[Tensor, " B"]) -> bool:
    """Whether one of them is; mostly none is, and a pass over memory is saved. A graph that is traced must do for every batch."""
    return torch.jit.is_tracing() or bool(rows.any())


def gated(
    own: Float[Tensor, "B Tt d"],
    out: Sequence[Float[Tensor, "B Tt d"]],
    available: Sequence[Bool[Tensor, " B"]],
    gates: Float[Tensor, "B Tt f"],
) -> Float[Tensor, "B Tt d"]:
    """The target's own projection and, each through its gate (f = S * d), the sources that are there."""
    opened = gates.sigmoid().chunk(len(available), -1)
    parts = [gate * one * there[:, None, None] for gate, one, there in zip(opened, out, available, strict=True)]
    return sum(parts, start=own)
