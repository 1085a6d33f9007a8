"""Crossmodal attention as the paper draws it, a network for each ordered pair: the reference of the batched form."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.fusion.base import Masks, Sequences
from mmerc.fusion.layers.crossmodal import CrossmodalAttention


class Block(nn.Module):
    """Source -> target (Eq. 6-11)."""

    def __init__(self, target: int, source: int, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(target, width, bias=False)
        self.key = nn.Linear(source, width, bias=False)
        self.value = nn.Linear(source, width, bias=False)
        self.norm_attention = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)
        self.norm_output = nn.LayerNorm(width)

    def forward(self, target: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        query = self.query(target)
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (query, self.key(source), self.value(source))
        )
        scores = (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).masked_fill(~mask[:, None, None], float("-inf"))
        attended = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        x = self.norm_attention(attended + query)
        return self.norm_output(self.narrow(F.relu(self.widen(x))) + x)


class Plain(nn.Module):
    """Pair after pair, with the weights of a batched network."""

    def __init__(self, batched: CrossmodalAttention, inputs: dict[str, int], heads: int) -> None:
        super().__init__()
        self.names = tuple(inputs)
        self.own = batched.own
        self.pairs = nn.ModuleDict()
        width, layers = batched.width, batched.layers
        for target in self.names:
            sources = [name for name in self.names if name != target]
            whole = batched.targets[target]
            for place, source in enumerate(sources):
                targets = [name for name in self.names if name != source]
                answers = batched.sources[source].weight.unflatten(0, (len(targets), layers, 2, width))  # type: ignore[operator]
                blocks = nn.ModuleList()
                for number in range(layers):
                    block = Block(width if number else inputs[target], inputs[source], width, heads)
                    layer = whole.layers[number]  # type: ignore[index, union-attr]
                    queries = whole.query.weight.unflatten(0, (len(sources), width))  # type: ignore[operator, union-attr]
                    asked = whole.queries[number - 1].weight[place].T if number else queries[place]  # type: ignore[index, union-attr]
                    copy = {
                        "query.weight": asked,
                        "key.weight": answers[targets.index(target), number, 0],
                        "value.weight": answers[targets.index(target), number, 1],
                    }
                    for name in ("widen", "narrow"):
                        copy[f"{name}.weight"] = getattr(layer, name).weight[place].T
                        copy[f"{name}.bias"] = getattr(layer, name).bias[place, 0]
                    for name in ("norm_attention", "norm_output"):
                        copy[f"{name}.weight"] = getattr(layer, name).weight[place, 0, 0]
                        copy[f"{name}.bias"] = getattr(layer, name).bias[place, 0, 0]
                    block.load_state_dict(copy)
                    blocks.append(block)
                self.pairs[f"{source}->{target}"] = blocks

    def forward(self, sequences: Sequences, masks: Masks) -> dict[str, Tensor]:
        enriched = {}
        for target in self.names:
            rows = []
            for row in range(len(sequences[target])):  # utterance by utterance, on its real steps alone
                here = sequences[target][row : row + 1]
                product = None
                for source in self.names:
                    if source == target or not masks[source][row].any():
                        continue
                    out = here
                    for block in self.pairs[f"{source}->{target}"]:  # type: ignore[union-attr]
                        out = block(out, sequences[source][row : row + 1], masks[source][row : row + 1])
                    product = out if product is None else product * out
                rows.append(self.own[target](here) if product is None else product)
            enriched[target] = torch.cat(rows)
        return enriched
