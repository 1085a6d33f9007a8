import subprocess
import sys

import torch

from mmerc.hardware import autocast_bf16, linear, supports_bf16

TOUCHED = """
import resource, torch
from mmerc.hardware import keep_memory

assert keep_memory()
for _ in range(30):
    torch.ones(8 << 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(8 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_bf16_is_for_processors_that_compute_in_it() -> None:
    assert supports_bf16(torch.device("cpu")) == torch.cpu._is_avx512_bf16_supported()
    assert not supports_bf16(torch.device("meta"))


def test_bf16_only_where_it_is_wanted_and_fast() -> None:
    a = torch.ones(4, 4)
    with autocast_bf16(torch.device("cpu"), enabled=False):
        assert (a @ a).dtype == torch.float32
    with autocast_bf16(torch.device("cpu"), enabled=True):
        assert (a @ a).dtype == (torch.bfloat16 if supports_bf16(torch.device("cpu")) else torch.float32)


def test_memory_that_is_kept_is_not_cleared_again_by_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", TOUCHED], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1000  # pages; ten tensors of 32 MiB anew would be 80,000


def test_a_linear_layer_in_one_pass_is_the_plain_one() -> None:
    x = torch.tensor([[[1.0, 2.0]], [[3.0, -1.0]]])  # [2, 1, 2]
    weight, bias = torch.tensor([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]]), torch.tensor([0.0, 1.0, -0.5])
    plus = torch.tensor([[[10.0, 20.0, 30.0]], [[-1.0, -2.0, -3.0]]])
    expected = torch.tensor([[[2.0, 5.0, -1.5]], [[2.5, -1.0, -3.5]]])
    for kind in (torch.float32, torch.bfloat16):  # small numbers: bfloat16 holds them all
        given = [part.to(kind) for part in (x, weight, bias)]
        for kept in (True, False):  # the gradient
            with torch.set_grad_enabled(kept):
                assert torch.equal(linear(*given).float(), expected)
                assert torch.equal(linear(*given[:2]).float(), expected - bias)
                assert torch.equal(linear(*given, relu=True).float(), expected.clamp(min=0))
                assert torch.equal(linear(*given, plus=plus.to(kind)).float(), expected + plus)
    assert torch.equal(plus[0, 0], torch.tensor([10.0, 20.0, 30.0]))  # nothing is written into it


def test_a_linear_layer_has_gradients() -> None:
    weight = torch.ones(2, 1, dtype=torch.bfloat16, requires_grad=True)
    linear(torch.tensor([[3.0, 5.0]], dtype=torch.bfloat16), weight, relu=True).sum().backward()
    assert weight.grad is not None and weight.grad.tolist() == [[3.0], [5.0]]
