"""What is fastest on this processor."""

import ctypes
import os

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # of glibc's mallopt
ONE_DNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def computes_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; elsewhere it is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def bf16(device: torch.device, *, wanted: bool) -> torch.autocast:
    """A context in which matrix products are done in bfloat16, where that is `wanted` and the device does it in hardware."""
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and computes_bf16(device))


def linear(
    x: Float[Tensor, "*batch i"],
    weight: Float[Tensor, "i o"],
    bias: Float[Tensor, " o"] | None = None,
    *,
    relu: bool = False,
    plus: Float[Tensor, "*batch o"] | None = None,
) -> Float[Tensor, "*batch o"]:
    """x @ weight + bias, then ReLU or the sum with `plus`.

    torch writes the bias first, then the product over it, then reads all of that for what follows. oneDNN does it in one pass
    and says no gradient of it, so it is asked where none is kept, for bfloat16 on a processor (torch's compiler asks it by the
    same name).
    """
    assert not (relu and plus is not None)
    if x.dtype == torch.bfloat16 and x.device.type == "cpu" and not torch.is_grad_enabled() and ONE_DNN:
        w, b = weight.T.to(x.dtype), None if bias is None else bias.to(x.dtype)
        if plus is not None:
            return torch.ops.mkldnn._linear_pointwise.binary(x, plus.to(x.dtype), w, b, "add")
        return torch.ops.mkldnn._linear_pointwise(x, w, b, "relu" if relu else "none", [], "")
    flat = x.flatten(0, -2)  # [N, i]
    out = (flat @ weight if bias is None else torch.addmm(bias, flat, weight)).reshape(*x.shape[:-1], -1)
    if relu:
        return F.relu(out, inplace=True)
    return out if plus is None else out + plus


def keep_memory() -> bool:
    """Let the process keep what it frees, for the rest of its life; False where its C library cannot (only glibc can).

    Otherwise every large tensor is a mapping of its own, which the system clears page by page at each step of training:
    an eighth to a fifth of a step of the fusion (docs/experiments.md).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(MMAP_MAX, 0) and mallopt(TRIM_THRESHOLD, 2**31 - 1))


def rank() -> int:
    """The number of this process among those of a distributed run; 0 for a process on its own."""
    return int(os.environ.get("RANK", "0"))


def is_main_process() -> bool:
    return rank() == 0


_fork_is_handled = False


def use_one_thread_after_fork() -> None:
    """Let forked children of this process compute on one thread.

    A child inherits the state of OpenMP's threads and none of the threads: its first parallel computation would wait for them
    for ever.
    """
    global _fork_is_handled
    if not _fork_is_handled:
        os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))
        _fork_is_handled = True
