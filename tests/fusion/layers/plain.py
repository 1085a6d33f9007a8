"""The reference for `CrossmodalAttention`: one module for each ordered pair, utterance by utterance, as in the paper."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.fusion.layers.crossmodal import CrossmodalAttention
from mmerc.fusion.layers.sequences import Masks, Sequences


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


class PlainCrossmodalAttention(nn.Module):
    """One `Block` per pair and layer, with the weights of `attention`."""

    def __init__(self, attention: CrossmodalAttention, widths: dict[str, int], heads: int) -> None:
        super().__init__()
        self.names = tuple(widths)
        self.projection = attention.projection
        self.pairs = nn.ModuleDict()
        width, layers = attention.d_model, attention.num_layers
        for target in self.names:
            sources = [name for name in self.names if name != target]
            module = attention.targets[target]
            for pair, source in enumerate(sources):
                targets = [name for name in self.names if name != source]
                key_value = attention.key_value[source].weight.unflatten(0, (len(targets), layers, 2, width))
                blocks = nn.ModuleList()
                for index in range(layers):
                    block = Block(width if index else widths[target], widths[source], width, heads)
                    layer = module.layers[index]
                    queries = module.query.weight.unflatten(0, (len(sources), width))
                    query = module.queries[index - 1].weight[pair].T if index else queries[pair]  # type: ignore[index, union-attr]
                    copy = {
                        "query.weight": query,
                        "key.weight": key_value[targets.index(target), index, 0],
                        "value.weight": key_value[targets.index(target), index, 1],
                    }
                    for name in ("widen", "narrow"):
                        copy[f"{name}.weight"] = getattr(layer, name).weight[pair].T
                        copy[f"{name}.bias"] = getattr(layer, name).bias[pair, 0]
                    for name in ("norm_attention", "norm_output"):
                        copy[f"{name}.weight"] = getattr(layer, name).weight[pair, 0, 0]
                        copy[f"{name}.bias"] = getattr(layer, name).bias[pair, 0, 0]
                    block.load_state_dict(copy)
                    blocks.append(block)
                self.pairs[f"{source}->{target}"] = blocks

    def forward(self, sequences: Sequences, masks: Masks) -> dict[str, Tensor]:
        out = {}
        for target in self.names:
            rows = []
            for row in range(len(sequences[target])):  # one utterance at a time
                here = sequences[target][row : row + 1]
                product = None
                for source in self.names:
                    if source == target or not masks[source][row].any():
                        continue
                    read = here
                    for block in self.pairs[f"{source}->{target}"]:  # type: ignore[union-attr]
                        read = block(read, sequences[source][row : row + 1], masks[source][row : row + 1])
                    product = read if product is None else product * read
                rows.append(self.projection[target](here) if product is None else product)
            out[target] = torch.cat(rows)
        return out
