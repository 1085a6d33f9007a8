import subprocess
import sys

import pytest
import torch

from mmerc.hardware import autocast_bf16, get_rank, is_main_process, linear, pack_linear_layers, supports_bf16

COUNT_PAGE_FAULTS = """
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

MEASURE_MEMORY = """
import torch
from mmerc.hardware import keep_memory, release_memory
keep_memory()
def measure():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20
tensors = [torch.ones(1 << 23) for _ in range(10)]
full = measure()
del tensors
freed = measure()
release_memory()
print(full, freed, measure())
"""


def test_bf16_is_supported_where_the_cpu_has_its_instructions() -> None:
    assert supports_bf16(torch.device("cpu")) == torch.cpu._is_avx512_bf16_supported()
    assert not supports_bf16(torch.device("meta"))


def test_autocast_uses_bf16_only_if_it_is_enabled_and_supported() -> None:
    a = torch.ones(4, 4)
    with autocast_bf16(torch.device("cpu"), enabled=False):
        assert (a @ a).dtype == torch.float32
    with autocast_bf16(torch.device("cpu"), enabled=True):
        assert (a @ a).dtype == (torch.bfloat16 if supports_bf16(torch.device("cpu")) else torch.float32)


def test_kept_memory_is_not_cleared_again_by_the_kernel() -> None:
    done = subprocess.run([sys.executable, "-c", COUNT_PAGE_FAULTS], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1000  # page faults; ten new tensors of 32 MiB would cause 80,000


def test_kept_memory_is_given_back_on_request() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURE_MEMORY], capture_output=True, text=True, check=True)
    full, freed, released = map(int, done.stdout.split())
    assert freed > full - 20 and released < full - 200  # MiB; the tensors had 320


def test_the_fused_linear_layer_gives_the_exact_result() -> None:
    x = torch.tensor([[[1.0, 2.0]], [[3.0, -1.0]]])  # [2, 1, 2]
    weight, bias = torch.tensor([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]]), torch.tensor([0.0, 1.0, -0.5])
    plus = torch.tensor([[[10.0, 20.0, 30.0]], [[-1.0, -2.0, -3.0]]])
    expected = torch.tensor([[[2.0, 5.0, -1.5]], [[2.5, -1.0, -3.5]]])
    for dtype in (torch.float32, torch.bfloat16):  # bfloat16 represents these small numbers exactly
        inputs = [part.to(dtype) for part in (x, weight, bias)]
        for has_gradient in (True, False):
            with torch.set_grad_enabled(has_gradient):
                assert torch.equal(linear(*inputs).float(), expected)
                assert torch.equal(linear(*inputs[:2]).float(), expected - bias)
                assert torch.equal(linear(*inputs, relu=True).float(), expected.clamp(min=0))
                assert torch.equal(linear(*inputs, plus=plus.to(dtype)).float(), expected + plus)
    assert torch.equal(plus[0, 0], torch.tensor([10.0, 20.0, 30.0]))  # `plus` is not changed


def test_a_linear_layer_has_gradients() -> None:
    weight = torch.ones(2, 1, dtype=torch.bfloat16, requires_grad=True)
    linear(torch.tensor([[3.0, 5.0]], dtype=torch.bfloat16), weight, relu=True).sum().backward()
    assert weight.grad is not None and weight.grad.tolist() == [[3.0], [5.0]]


def test_the_rank_is_that_of_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    assert get_rank() == 0 and is_main_process()
    monkeypatch.setenv("RANK", "3")
    assert get_rank() == 3 and not is_main_process()


def test_packed_layers_give_the_numbers_of_autocast() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(24, 40), torch.nn.ReLU(), torch.nn.Linear(40, 8, bias=False))
    x = torch.randn(3, 5, 24)
    with torch.inference_mode(), autocast_bf16(x.device, enabled=True):
        expected = network(x)
        pack_linear_layers(network)
        assert torch.equal(network(x), expected)
    is_packed = type(network[0]) is not torch.nn.Linear
    assert is_packed == supports_bf16(x.device)


def test_layers_on_another_device_are_not_packed() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(2, 2, device="meta"))
    pack_linear_layers(network)
    assert type(network[0]) is torch.nn.Linear
