"""Choices that depend on the hardware: bfloat16, fused linear layers, memory of the C library, the rank of the process."""

import ctypes
import gc
import os
from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import BFloat16, Float
from torch import Tensor, nn
from torch.nn import functional as F

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # option numbers of glibc's mallopt
HAS_FUSED_LINEAR = torch._C._has_mkldnn and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def supports_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware. Without hardware support it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


def autocast_bf16(device: torch.device, *, enabled: bool) -> torch.autocast:
    """A context for matrix products in bfloat16, if it is `enabled` and the hardware supports it; float32 otherwise."""
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled and supports_bf16(device))


def linear(
    x: Float[Tensor, "*batch i"],
    weight: Float[Tensor, "i o"],
    bias: Float[Tensor, " o"] | None = None,
    *,
    relu: bool = False,
    plus: Float[Tensor, "*batch o"] | None = None,
) -> Float[Tensor, "*batch o"]:
    """Compute x @ weight + bias, then apply ReLU or add `plus` (not both).

    In torch each of these steps is one more pass over memory. oneDNN fuses them into one pass, but it computes no gradient.
    This function therefore uses oneDNN only for bfloat16 on a CPU that supports it, while gradients are disabled, through
    the operators that torch's compiler calls.
    """
    assert not (relu and plus is not None)
    is_bf16 = x.dtype == torch.bfloat16 and x.device.type == "cpu" and supports_bf16(x.device)
    if HAS_FUSED_LINEAR and is_bf16 and not torch.is_grad_enabled():
        w, b = weight.T.to(x.dtype), None if bias is None else bias.to(x.dtype)
        fused: Tensor
        if plus is not None:
            fused = torch.ops.mkldnn._linear_pointwise.binary(x, plus.to(x.dtype), w, b, "add")
        else:
            fused = torch.ops.mkldnn._linear_pointwise(x, w, b, "relu" if relu else "none", [], "")
        return fused
    flat = x.flatten(0, -2)  # [N, i]
    out = (flat @ weight if bias is None else torch.addmm(bias, flat, weight)).reshape(*x.shape[:-1], -1)
    if relu:
        return F.relu(out, inplace=True)
    return out if plus is None else out + plus


class PackedLinear(nn.Module):
    """A linear layer for inference in bfloat16 on a CPU. Its weight is stored in the order in which oneDNN reads it.

    `nn.Linear` converts and reorders its weight at every call. With short sequences that takes longer than the product.
    """

    def __init__(self, weight: Float[Tensor, "o i"], bias: Float[Tensor, " o"] | None = None) -> None:
        super().__init__()
        with torch.inference_mode():
            self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.bfloat16())
            self.bias = None if bias is None else bias.bfloat16()

    def forward(self, x: Float[Tensor, "*batch i"]) -> BFloat16[Tensor, "*batch o"]:
        packed: Tensor = torch.ops.mkldnn._linear_pointwise(x.bfloat16(), self.weight, self.bias, "none", [], "")
        return packed


def pack_linear_layers(network: nn.Module) -> None:
    """Replace each `nn.Linear` in a network that computes in bfloat16 by a `PackedLinear`, in place.

    The results are the same. The network can then only compute: it cannot be trained, saved or moved to another device. Nothing
    changes where the CPU does not support bfloat16, or where the network is on another device.
    """
    if not all(_can_pack(parameter.device) for parameter in network.parameters()):
        return
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Linear:
                setattr(parent, name, PackedLinear(child.weight, child.bias))


def make_product(
    weight: Float[Tensor, "o i"], bias: Float[Tensor, " o"] | None, dtype: torch.dtype
) -> Callable[[Tensor], Tensor]:
    """A function that computes x @ weight.T + bias in `dtype`, for inference; with packed weights where that is possible."""
    if dtype == torch.bfloat16 and _can_pack(weight.device):
        return PackedLinear(weight, bias)
    return partial(F.linear, weight=weight.to(dtype), bias=None if bias is None else bias.to(dtype))


def _can_pack(device: torch.device) -> bool:
    has_operators = HAS_FUSED_LINEAR and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
    return has_operators and device.type == "cpu" and supports_bf16(device)


def keep_memory() -> bool:
    """Make the process keep the memory that it frees, until it ends. Returns False if the C library is not glibc.

    By default glibc maps every large tensor anew, and the kernel clears its pages at each training step. That takes an
    eighth to a fifth of a training step of the fusion (docs/experiments.md).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, 2**31 - 1))


def release_memory() -> bool:
    """Give freed memory back to the system, also after `keep_memory`. Returns False if the C library is not glibc.

    Called between the trainings of a run. Otherwise the memory that one training frees stays reserved, and the peak grows with
    every training.
    """
    gc.collect()
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (AttributeError, OSError, TypeError):
        return False


def get_rank() -> int:
    """The rank of this process in a distributed run; 0 in a run of one process."""
    return int(os.environ.get("RANK", "0"))


def is_main_process() -> bool:
    """Whether this process has rank 0. Only that process writes logs and files."""
    return get_rank() == 0


_handles_fork = False


def use_one_thread_after_fork() -> None:
    """Let forked children of this process compute on one thread.

    A child inherits the state of OpenMP's threads but not the threads: its first parallel computation would wait for them
    forever.
    """
    global _handles_fork
    if not _handles_fork:
        os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))
        _handles_fork = True
