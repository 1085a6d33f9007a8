"""Speed and memory of the fusion on a CPU, as JSON, compared with one `nn.MultiheadAttention` per pair of modalities.

    python benchmarks/fusion.py [--batch 64] [--lengths 50 236 50] [--d-model 256] [--steps 5] [--out FILE]

- training: seconds per step (forward, backward and AdamW) of the crossmodal attention of three modalities, in float32, and
  in bfloat16 if the CPU supports it.
- memory: the peak of a training step above what the process held before.
- inference: milliseconds per batch from features in memory to probabilities, for the whole fusion, with one head (as in the
  paper) and with as many as in training.

Each form runs in a separate process. All of them keep freed memory, as `mmerc train` does.

Lower bound of a training step: each of 6 pairs needs 10 d^2 multiplications per step of the target, times 2 operations, times
3 for forward and backward. This is 8 d^2 * (steps) * 15, by default 0.34 TFLOP. Lower bound of inference: 18 billion
multiplications take 7 ms on two cores with AMX. Memory takes longer: in bfloat16 about 550 MB are read and written layer by
layer, which takes 37 ms at 15 GB/s.
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
from mmerc.hardware import bf16, computes_bf16, keep_memory

NAMES = ("audio", "face", "text")
NUM_HEADS = 4


class PlainPair(nn.Module):
    """Source -> target, built from modules of torch."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.project = nn.ModuleList(nn.Linear(d_model, d_model) for _ in range(2))
        self.attention = nn.MultiheadAttention(d_model, NUM_HEADS, batch_first=True)
        self.norms = nn.ModuleList(nn.LayerNorm(d_model) for _ in range(2))
        self.feed = nn.Sequential(nn.Linear(d_model, 2 * d_model), nn.ReLU(), nn.Linear(2 * d_model, d_model))

    def forward(self, target: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        query, key = self.project[0](target), self.project[1](source)
        attended, _ = self.attention(query, key, key, key_padding_mask=~mask, need_weights=False)
        x = self.norms[0](attended + query)
        return self.norms[1](self.feed(x) + x)


class PlainCrossmodal(nn.Module):
    """One `PlainPair` for each ordered pair; their product for each target."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.pairs = nn.ModuleDict({f"{s}->{t}": PlainPair(d_model) for t in NAMES for s in NAMES if s != t})

    def forward(self, sequences: dict[str, Tensor], masks: dict[str, Tensor]) -> dict[str, Tensor]:
        products = {}
        for target in NAMES:
            product = None
            for source in NAMES:
                if source != target:
                    out = self.pairs[f"{source}->{target}"](sequences[target], sequences[source], masks[source])
                    product = out if product is None else product * out
            products[target] = product
        return products


def make_batch(batch: int, lengths: list[int], width: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    torch.manual_seed(0)
    sequences = {name: torch.randn(batch, length, width) for name, length in zip(NAMES, lengths, strict=True)}
    masks = {}
    for name, sequence in sequences.items():
        real = torch.randint(sequence.shape[1] // 2, sequence.shape[1] + 1, (batch, 1))
        masks[name] = torch.arange(sequence.shape[1])[None] < real
    return sequences, masks


def resident_bytes() -> int:
    """Read how many bytes this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def measure_training(form: str, arguments: argparse.Namespace, results: Any) -> None:
    """Put the seconds and the peak bytes of a training step into the queue `results`."""
    sequences, masks = make_batch(arguments.batch, arguments.lengths, arguments.d_model)
    network: nn.Module = PlainCrossmodal(arguments.d_model)
    if form != "plain":
        network = CrossmodalAttention(dict.fromkeys(NAMES, arguments.d_model), arguments.d_model, num_heads=NUM_HEADS)
    keep_memory()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4, fused=True)
    before, highest, stop = resident_bytes(), [0], threading.Event()

    def watch() -> None:
        while not stop.is_set():
            highest[0] = max(highest[0], resident_bytes())
            time.sleep(0.002)

    threading.Thread(target=watch, daemon=True).start()
    times = []
    for _ in range(arguments.steps + 1):
        start = time.perf_counter()
        with bf16(torch.device("cpu"), wanted=form == "bf16"):
            out = network(sequences, masks)
        sum(part.float().square().mean() for part in out.values()).backward()
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter() - start)
    stop.set()
    results.put((min(times[1:]), highest[0] - before))


@torch.inference_mode()
def measure_inference(arguments: argparse.Namespace, num_heads: int) -> float:
    """Measure the seconds of one batch."""
    sequences, masks = make_batch(arguments.batch, arguments.lengths, arguments.d_model)
    config = FusionConfig(d_model=arguments.d_model, num_heads=num_heads)
    network = CrossmodalEmbraceNet(config, dict.fromkeys(NAMES, arguments.d_model), 7).eval()
    keep_memory()
    times = []
    for _ in range(4 * arguments.steps):
        start = time.perf_counter()
        network(sequences, masks).logits.softmax(1)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lengths", type=int, nargs=3, default=[50, 236, 50])
    parser.add_argument("--d-model", type=int, default=256)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    measured = {}
    for form in ("plain", "float32", "bf16"):
        results = context.Queue()
        process = context.Process(target=measure_training, args=(form, arguments, results))
        process.start()
        measured[form] = results.get()
        process.join()
    result: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "batch": arguments.batch,
        "lengths": arguments.lengths,
        "d_model": arguments.d_model,
        "bfloat16": computes_bf16(torch.device("cpu")),
        "plain, s per step": round(measured["plain"][0], 3),
        "training, s per step": round(measured["bf16"][0], 3),
        "training in float32, s per step": round(measured["float32"][0], 3),
        "plain / mmerc": round(measured["plain"][0] / measured["bf16"][0], 2),
        "plain / mmerc in float32": round(measured["plain"][0] / measured["float32"][0], 2),
        "plain, MiB": measured["plain"][1] >> 20,
        "mmerc, MiB": measured["bf16"][1] >> 20,
        "mmerc / plain, memory": round(measured["bf16"][1] / measured["plain"][1], 2),
        "mmerc / plain, memory, float32": round(measured["float32"][1] / measured["plain"][1], 2),
        "inference, one head, ms per batch": round(1000 * measure_inference(arguments, 1), 1),
        f"inference, {NUM_HEADS} heads, ms per batch": round(1000 * measure_inference(arguments, NUM_HEADS), 1),
    }
    show(result, arguments.out)


if __name__ == "__main__":
    main()
