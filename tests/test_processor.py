import subprocess
import sys

import torch

from mmerc.processor import bf16, computes_bf16

TOUCHED = """
import resource, torch
from mmerc.processor import keep_memory

assert keep_memory()
for _ in range(30):
    torch.ones(8 << 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(8 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_bf16_is_for_processors_that_compute_in_it() -> None:
    assert computes_bf16(torch.device("cpu")) == torch.cpu._is_avx512_bf16_supported()
    assert not computes_bf16(torch.device("meta"))


def test_bf16_only_where_it_is_wanted_and_fast() -> None:
    a = torch.ones(4, 4)
    with bf16(torch.device("cpu"), wanted=False):
        assert (a @ a).dtype == torch.float32
    with bf16(torch.device("cpu"), wanted=True):
        assert (a @ a).dtype == (torch.bfloat16 if computes_bf16(torch.device("cpu")) else torch.float32)


def test_memory_that_is_kept_is_not_cleared_again_by_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", TOUCHED], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1000  # pages; ten tensors of 32 MiB anew would be 80,000
