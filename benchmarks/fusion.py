"""The fusion's speed and memory on two cores, as JSON, beside the plain form: an `nn.MultiheadAttention` for each pair.

    python benchmarks/fusion.py [--batch 64] [--lengths 50 236 50] [--width 256] [--steps 5] [--out FILE]

`training`: seconds a step, forward, backward and AdamW, of the crossmodal part alone, three modalities, in bfloat16 where
the processor computes in it, and in float32; `inference`: a batch with features in memory to probabilities, by the whole
fusion, with one head (the paper's) and with those of the training step. `memory`: the peak of a training step above what the process held before it. Each form has a process of its own, and
all of them keep the memory that they free, as `mmerc train` does. The floor of a step: 6 pairs of 10 d^2 multiplications a step
of the target, times 2 operations, times 3 for forward and backward: 8 d^2 * (steps) * 15 = at the defaults 0.34 TFLOP.
The floor of inference: 18 billion multiplications, 7 ms on two cores with AMX, and more than that the memory: computed layer by
layer in bfloat16 some 550 MB are read and written, 37 ms at the 15 GB/s that such a machine gives.
"""

import argparse
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
    """Source -> target out of torch's own parts."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.attention = nn.MultiheadAttention(width, HEADS, batch_first=True)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def forward(self, target: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        query, answer = self.project[0](target), self.project[1](source)
        attended, _ = self.attention(query, answer, answer, key_padding_mask=~mask, need_weights=False)
        x = self.norms[0](attended + query)
        return self.norms[1](self.feed(x) + x)


class PlainCrossmodal(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.pairs = nn.ModuleDict({f"{s}->{t}": PlainPair(width) for t in NAMES for s in NAMES if s != t})

    def forward(self, sequences: dict[str, Tensor], masks: dict[str, Tensor]) -> dict[str, Tensor]:
        enriched = {}
        for target in NAMES:
            product = None
            for source in NAMES:
                if source != target:
                    out = self.pairs[f"{source}->{target}"](sequences[target], sequences[source], masks[source])
                    product = out if product is None else product * out
            enriched[target] = product
        return enriched


def batch_of(batch: int, lengths: list[int], width: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    torch.manual_seed(0)
    sequences = {name: torch.randn(batch, length, width) for name, length in zip(NAMES, lengths, strict=True)}
    masks = {}
    for name, sequence in sequences.items():
        real = torch.randint(sequence.shape[1] // 2, sequence.shape[1] + 1, (batch, 1))
        masks[name] = torch.arange(sequence.shape[1])[None] < real
    return sequences, masks


def resident() -> int:
    """Bytes that this process holds in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def measure(form: str, chosen: argparse.Namespace, answer: Any) -> None:
    """Seconds and peak bytes of a training step of one form."""
    sequences, masks = batch_of(chosen.batch, chosen.lengths, chosen.width)
    network: nn.Module = PlainCrossmodal(chosen.width)
    if form != "plain":
        network = CrossmodalAttention(dict.fromkeys(NAMES, chosen.width), chosen.width, heads=HEADS)
    keep_memory()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4, fused=True)
    before, highest, stop = resident(), [0], threading.Event()

    def watch() -> None:
        while not stop.is_set():
            highest[0] = max(highest[0], resident())
            time.sleep(0.002)

    threading.Thread(target=watch, daemon=True).start()
    times = []
    for _ in range(chosen.steps + 1):
        began = time.perf_counter()
        with autocast_bf16(torch.device("cpu"), enabled=form == "bf16"):
            out = network(sequences, masks)
        sum(part.float().square().mean() for part in out.values()).backward()
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter() - began)
    stop.set()
    answer.put((min(times[1:]), highest[0] - before))


@torch.inference_mode()
def inference(chosen: argparse.Namespace, heads: int) -> float:
    sequences, masks = batch_of(chosen.batch, chosen.lengths, chosen.width)
    config = FusionConfig(width=chosen.width, heads=heads)
    network = CrossmodalEmbraceNet(config, dict.fromkeys(NAMES, chosen.width), 7).eval()
    keep_memory()
    times = []
    for _ in range(4 * chosen.steps):
        began = time.perf_counter()
        network(sequences, masks).logits.softmax(1)
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lengths", type=int, nargs=3, default=[50, 236, 50])
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    found = {}
    for form in ("plain", "float32", "bf16"):
        answer = context.Queue()
        process = context.Process(target=measure, args=(form, chosen, answer))
        process.start()
        found[form] = answer.get()
        process.join()
    result: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "batch": chosen.batch,
        "lengths": chosen.lengths,
        "width": chosen.width,
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
        "inference of a batch, one head, ms": round(1000 * inference(chosen, 1), 1),
        f"inference of a batch, {HEADS} heads, ms": round(1000 * inference(chosen, HEADS), 1),
    }
    show(result, chosen.out)


if __name__ == "__main__":
    main()
