"""Speed and memory of the fusion, as JSON, beside the plain form: an `nn.MultiheadAttention` for each pair.

    python benchmarks/fusion.py [--batch 64] [--lengths 50 236 50] [--width 256] [--steps 5] [--out FILE]

`training`: seconds for one step (forward, backward, AdamW) of the crossmodal part alone with three modalities, in bfloat16
where the processor computes in it, and in float32. `inference`: the whole fusion, from features in memory to probabilities,
once with one attention head (as in the paper) and once with four, as in training. `memory`: the peak of a training step, less what the process
held before it. Each form has its own process and keeps the memory that it frees, as `mmerc train` does.

The lower bound of a training step: each time step of a target is read by 2 pairs of 10 d^2 multiplications, times 2 operations, times 3
for forward and backward: 120 d^2 * (time steps) = 0.17 TFLOP at the defaults. The lower bound of inference: 18 billion multiplications, 7 ms on
two cores with AMX; and the memory: computed layer by layer in bfloat16, 550 MB are read and written, 37 ms at 15 GB/s.
"""

import argparse
import math
import multiprocessing
import threading
import time
from pathlib import Path
from typing import Any

import torch
from result import show
from torch import Tensor, nn

from mmerc.fusion import CrossmodalEmbraceNet, FusionConfig
from mmerc.fusion.layers.crossmodal import CrossmodalAttention
from mmerc.hardware import autocast_bf16, keep_memory, supports_bf16

NAMES = ("audio", "face", "text")
HEADS = 4


class PlainPair(nn.Module):
    """Source -> target, from torch's own parts."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.attention = nn.MultiheadAttention(width, HEADS, batch_first=True)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def forward(self, target: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        query, key = self.project[0](target), self.project[1](source)
        attended, _ = self.attention(query, key, key, key_padding_mask=~mask, need_weights=False)
        x = self.norms[0](attended + query)
        out: Tensor = self.norms[1](self.feed(x) + x)
        return out


class PlainCrossmodal(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.pairs = nn.ModuleDict({f"{s}->{t}": PlainPair(width) for t in NAMES for s in NAMES if s != t})

    def forward(self, sequences: dict[str, Tensor], masks: dict[str, Tensor]) -> dict[str, Tensor]:
        return {
            target: math.prod(
                self.pairs[f"{source}->{target}"](sequences[target], sequences[source], masks[source])
                for source in NAMES
                if source != target
            )
            for target in NAMES
        }


def make_batch(batch: int, lengths: list[int], width: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    torch.manual_seed(0)
    sequences = {name: torch.randn(batch, length, width) for name, length in zip(NAMES, lengths, strict=True)}
    masks = {}
    for name, sequence in sequences.items():
        real = torch.randint(sequence.shape[1] // 2, sequence.shape[1] + 1, (batch, 1))
        masks[name] = torch.arange(sequence.shape[1])[None] < real
    return sequences, masks


def measure_memory() -> int:
    """Bytes that this process holds in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def measure_training(form: str, options: argparse.Namespace, results: Any) -> None:
    """Put the seconds and the peak bytes of a training step of one form into a queue."""
    sequences, masks = make_batch(options.batch, options.lengths, options.width)
    network: nn.Module = PlainCrossmodal(options.width)
    if form != "plain":
        network = CrossmodalAttention(dict.fromkeys(NAMES, options.width), options.width, num_heads=HEADS)
    keep_memory()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4, fused=True)
    before, highest, stop = measure_memory(), [0], threading.Event()

    def watch() -> None:
        while not stop.is_set():
            highest[0] = max(highest[0], measure_memory())
            time.sleep(0.002)

    threading.Thread(target=watch, daemon=True).start()
    times = []
    for _ in range(options.steps + 1):
        start = time.perf_counter()
        with autocast_bf16(torch.device("cpu"), enabled=form == "bf16"):
            out = network(sequences, masks)
        sum(part.float().square().mean() for part in out.values()).backward()
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter() - start)
    stop.set()
    results.put((min(times[1:]), highest[0] - before))


@torch.inference_mode()
def measure_inference(options: argparse.Namespace, num_heads: int) -> float:
    sequences, masks = make_batch(options.batch, options.lengths, options.width)
    config = FusionConfig(d_model=options.width, num_heads=num_heads)
    network = CrossmodalEmbraceNet(config, dict.fromkeys(NAMES, options.width), 7).eval()
    keep_memory()
    times = []
    for _ in range(4 * options.steps):
        start = time.perf_counter()
        network(sequences, masks).logits.softmax(1)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lengths", type=int, nargs=3, default=[50, 236, 50])
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    found = {}
    for form in ("plain", "float32", "bf16"):
        results = context.Queue()
        process = context.Process(target=measure_training, args=(form, options, results))
        process.start()
        found[form] = results.get()
        process.join()
    result: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "batch": options.batch,
        "lengths": options.lengths,
        "width": options.width,
        "bfloat16": supports_bf16(torch.device("cpu")),
        "plain, s a step": round(found["plain"][0], 3),
        "training, s a step": round(found["bf16"][0], 3),
        "the same in float32": round(found["float32"][0], 3),
        "plain / ours": round(found["plain"][0] / found["bf16"][0], 2),
        "plain / ours in float32": round(found["plain"][0] / found["float32"][0], 2),
        "plain, MiB": found["plain"][1] >> 20,
        "memory of a step, MiB": found["bf16"][1] >> 20,
        "memory / plain": round(found["bf16"][1] / found["plain"][1], 2),
        "memory / plain, float32": round(found["float32"][1] / found["plain"][1], 2),
        "inference of a batch, one head, ms": round(1000 * measure_inference(options, 1), 1),
        f"inference of a batch, {HEADS} heads, ms": round(1000 * measure_inference(options, HEADS), 1),
    }
    show(result, options.out)


if __name__ == "__main__":
    main()
