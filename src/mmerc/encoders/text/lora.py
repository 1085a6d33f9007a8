"""LoRA (Hu et al. 2022): a frozen matrix W is trained as W + up @ down, for backbones too large to fine-tune."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

SCALE = 2.0  # alpha / rank in the paper


class LowRankUpdate(nn.Module):
    """The update of one matrix. It is zero at the start of training."""

    def __init__(self, rows: int, columns: int, rank: int) -> None:
        super().__init__()
        self.up = nn.Parameter(torch.zeros(rows, rank))
        self.down = nn.Parameter(torch.empty(rank, columns))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, weight: Float[Tensor, "R C"]) -> Float[Tensor, "R C"]:
        return weight + SCALE * self.up @ self.down


def add_lora(network: nn.Module, rank: int) -> None:
    """Freeze the network and add an update of this rank to every weight matrix except embeddings."""
    network.requires_grad_(False)
    for module in list(network.modules()):
        weight = getattr(module, "weight", None)
        if not isinstance(module, nn.Embedding) and isinstance(weight, Tensor) and weight.ndim == 2:
            rows, columns = weight.shape
            parametrize.register_parametrization(module, "weight", LowRankUpdate(rows, columns, rank))


def merge_lora(network: nn.Module) -> dict[str, Tensor]:
    """Return the state of the network with each update added to its matrix. The network does not change."""
    state = network.state_dict()
    for name, module in network.named_modules():
        if parametrize.is_parametrized(module, "weight") and isinstance(
            module.parametrizations.weight[0], LowRankUpdate
        ):
            prefix = f"{name}.parametrizations.weight."
            state = {key: value for key, value in state.items() if not key.startswith(prefix)}
            weight = module.weight
            assert isinstance(weight, Tensor)
            state[f"{name}.weight"] = weight.detach()
    return state


def rename_for_lora(network: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a network without updates so that they fit `network`, which may have updates."""
    names = network.state_dict().keys()
    renamed = {}
    for name, value in tensors.items():
        frozen = f"{name.removesuffix('weight')}parametrizations.weight.original"
        renamed[frozen if name not in names and frozen in names else name] = value
    return renamed
