"""Low-rank adaptation (Hu et al. 2022): a frozen matrix W learns as W + up @ down, for networks too large to train."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

ALPHA = 2.0  # the update's scale; the papers' alpha / rank


class LowRank(nn.Module):
    """The update of one matrix; it starts at zero."""

    def __init__(self, rows: int, columns: int, rank: int) -> None:
        super().__init__()
        self.up = nn.Parameter(torch.zeros(rows, rank))
        self.down = nn.Parameter(torch.empty(rank, columns))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, weight: Float[Tensor, "R C"]) -> Float[Tensor, "R C"]:
        return weight + ALPHA * self.up @ self.down


def with_lora(network: nn.Module, rank: int) -> None:
    """Freeze the network and give every matrix of its layers an update of this rank; tables of tokens get none."""
    network.requires_grad_(False)
    for module in list(network.modules()):
        weight = getattr(module, "weight", None)
        if not isinstance(module, nn.Embedding) and isinstance(weight, Tensor) and weight.ndim == 2:
            rows, columns = weight.shape
            parametrize.register_parametrization(module, "weight", LowRank(rows, columns, rank))


def merged_state(network: nn.Module) -> dict[str, Tensor]:
    """The network's tensors with every update added to its matrix: those of a network without updates."""
    state = network.state_dict()
    for name, module in network.named_modules():
        if parametrize.is_parametrized(module, "weight") and isinstance(module.parametrizations.weight[0], LowRank):
            inner = f"{name}.parametrizations.weight."
            state = {key: value for key, value in state.items() if not key.startswith(inner)}
            weight = module.weight
            assert isinstance(weight, Tensor)
            state[f"{name}.weight"] = weight.detach()
    return state


def unmerged(network: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a network without updates under the names that this one, with them, has for its frozen matrices."""
    own = network.state_dict().keys()
    renamed = {}
    for name, value in tensors.items():
        frozen = f"{name.removesuffix('weight')}parametrizations.weight.original"
        renamed[frozen if name not in own and frozen in own else name] = value
    return renamed
