"""The audio encoders' speed, memory and exactness on two cores, as JSON.

    python benchmarks/audio.py [--clips ../shared/data/ravdess/Actor_21] [--windows 32] [--seconds 1] [--out FILE]

`WaveRNN`: seconds of compute a second of audio for hop-averaged features, `--windows` windows at once, beside the
paper's way in the same run: one window of the same length, float32, all vectors kept. Its floor: two GRUs and three
layers of 512, 6.9 million operations a sample, 0.11 TFLOP a second of audio; two cores of an EPYC with AVX512-BF16
multiply about 1 TFLOP a second in bfloat16. `relative error`: of the hop means against those vectors' own means.
`default encoder`: decoding, log-mel and network, seconds a second of audio, one clip after the other.
`training memory`: one step of WaveRNN on 8 windows of the paper's 2.95 s (or `--seconds`, in a process of its own).
"""

import argparse
import multiprocessing
import resource
import time
from pathlib import Path
from typing import Any

import torch
from result import show

from mmerc import config
from mmerc.corpora import Clip, Dialogue, Utterance
from mmerc.encoders import ENCODERS, Example, check_config
from mmerc.encoders.audio.wavernn import HOPS_AT_ONCE, WaveRnn, WaveRnnConfig, WaveRnnEncoder
from mmerc.media import SAMPLE_RATE

HOP, CONTEXT, BANDS = 200, 4, 128
AUDIO = {".flac", ".wav", ".mp3", ".mp4"}


def windows(count: int, seconds: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Speech-like noise and a spectrogram for it: [B, 1, S] and [B, 1, M, T]."""
    hops = int(seconds * SAMPLE_RATE) // HOP
    torch.manual_seed(0)
    return torch.randn(count, 1, hops * HOP) * 0.1, torch.randn(count, 1, BANDS, hops + CONTEXT)


@torch.inference_mode()
def wavernn(count: int, seconds: float) -> dict[str, float]:
    torch.manual_seed(0)
    network = WaveRnn().eval()
    sound, picture = windows(count, seconds)
    heard = sound.shape[2] / SAMPLE_RATE
    began = time.perf_counter()
    plain = network.features(sound[:1], picture[:1]).unflatten(1, (-1, HOP)).mean(2)
    slow = (time.perf_counter() - began) / heard
    exact = network.hop_means(sound[:1], picture[:1], at_once=HOPS_AT_ONCE)
    began = time.perf_counter()
    fast = network.hop_means(sound, picture, at_once=HOPS_AT_ONCE, bf16=True)
    quick = (time.perf_counter() - began) / heard / count
    return {
        "WaveRNN, s per s of audio": round(quick, 3),
        "WaveRNN plainly, s per s of audio": round(slow, 3),
        "WaveRNN / plainly": round(quick / slow, 3),
        "relative error, float32": float(f"{(exact - plain).norm() / plain.norm():.2e}"),
        "relative error, bfloat16": float(f"{(fast[:1] - plain).norm() / plain.norm():.2e}"),
    }


@torch.inference_mode()
def default_encoder(folder: Path, most: int = 40) -> dict[str, float]:
    checked = check_config("audio", read_settings("compact", None, [])["audio"])
    encoder = ENCODERS[checked.encoder](checked, 7).eval()
    clips = sorted(file for file in folder.rglob("*") if file.suffix.lower() in AUDIO)[: most + 1]
    heard = 0.0
    began = 0.0
    for number, file in enumerate(clips):
        if number == 1:  # the first one warms up
            began, heard = time.perf_counter(), 0.0
        turn = Utterance("input", file.stem, 0, clip=Clip(file))
        values = encoder.prepare(Dialogue("input", file.stem, (turn,)), 0)
        encoder(encoder.collate([Example(turn.key, values)])).logits.softmax(1)
        heard += len(values) / SAMPLE_RATE
    return {
        "default encoder, real-time factor": round((time.perf_counter() - began) / heard, 4),
        "default encoder, million parameters": round(sum(p.numel() for p in encoder.parameters()) / 1e6, 2),
    }


def train_step(seconds: float, answer: Any) -> None:
    """One step of the whole network on a batch of 8; its peak memory goes to `answer`."""
    encoder = WaveRnnEncoder(WaveRnnConfig(encoder="wavernn", pretrained=False), 7).train()
    optimizer = torch.optim.SGD(encoder.parameters(), 1e-3)
    samples = int(seconds * SAMPLE_RATE)
    batch = {"waveform": torch.randn(8, samples) * 0.1, "samples": torch.full((8,), samples)}
    began = time.perf_counter()
    torch.nn.functional.cross_entropy(encoder(batch).logits, torch.arange(8) % 7).backward()
    optimizer.step()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    answer.put((peak, round(time.perf_counter() - began, 1)))


def training(seconds: float) -> dict[str, float]:
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=train_step, args=(seconds, answer))
    process.start()
    peak, took = answer.get()
    process.join()
    return {"WaveRNN training, batch of 8, MiB": peak, "WaveRNN training, s a step": took}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, default=Path("../shared/data/ravdess/Actor_21"))
    parser.add_argument("--windows", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of each window")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    result: dict[str, Any] = {"threads": torch.get_num_threads(), "windows": chosen.windows, "seconds": chosen.seconds}
    result |= default_encoder(chosen.clips) | wavernn(chosen.windows, chosen.seconds) | training(chosen.seconds)
    show(result, chosen.out)


if __name__ == "__main__":
    main()
