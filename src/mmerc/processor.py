"""What is fastest on this processor."""

import ctypes

import torch

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # of glibc's mallopt


def computes_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; elsewhere it is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def bf16(device: torch.device, *, wanted: bool) -> torch.autocast:
    """A context in which matrix products are done in bfloat16, where that is `wanted` and the device does it in hardware."""
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and computes_bf16(device))


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
