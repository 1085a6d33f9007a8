"""Speed, memory and accuracy of the audio encoders, as JSON.

    python benchmarks/audio.py [--presets compact base] [--clips ../shared/data/ravdess/Actor_21] [--windows 32] [--seconds 1] [--out FILE]

`WaveRNN`: seconds of computation for each second of audio, for the mean features of each hop, `--windows` windows at once.
`reference`: the paper's way in the same run: one window of the same length, float32, all vectors in memory. The lower bound
is the recurrence of two GRUs, the input of the second one, and two layers, of 512 units: 5.8 million operations a sample, 0.092 TFLOP for each
second of audio. Two cores of an EPYC with AVX512-BF16 multiply 0.4 to 1 TFLOP a second in bfloat16. `relative error` compares the means of the hops with the
means of the reference's vectors.
`real-time factor`: decoding, speech detector and the audio network of a preset, in seconds for each second of audio, one clip
at a time. The lower bound of `base` is Whisper's convolutions and first three layers on the real length: 10.3 million weights, 50 steps for each
second, 1 GFLOP for each second of audio; and the head and two blocks of CAM++, 0.8 GFLOP, of which the head's 2D convolutions are more than half.
`training`: one step of WaveRNN on 8 windows of `--seconds`, in its own process.
"""

import argparse
import multiprocessing
import resource
import time
from pathlib import Path
from typing import Any

import torch
from result import show

from mmerc.config import read_settings
from mmerc.corpora import Clip, Dialogue, Utterance
from mmerc.encoders import ENCODERS, Example, check_encoder_config
from mmerc.encoders.audio.wavernn import WaveRnnConfig, WaveRnnEncoder
from mmerc.encoders.audio.wavernn_inference import compute_hop_means
from mmerc.media import SAMPLE_RATE
from mmerc.media.audio import read_waveform

HOP_LENGTH, CONTEXT, N_FREQ = 200, 4, 128
AUDIO_SUFFIXES = {".flac", ".wav", ".mp3", ".mp4"}
BATCH_SIZE = 8


def make_windows(count: int, seconds: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Random waveforms [B, 1, S] and random spectrograms [B, 1, M, T] for them."""
    hops = int(seconds * SAMPLE_RATE) // HOP_LENGTH
    torch.manual_seed(0)
    return torch.randn(count, 1, hops * HOP_LENGTH) * 0.1, torch.randn(count, 1, N_FREQ, hops + CONTEXT)


@torch.inference_mode()
def measure_wavernn(count: int, seconds: float) -> dict[str, float]:
    torch.manual_seed(0)
    encoder = WaveRnnEncoder(WaveRnnConfig(encoder="wavernn", pretrained=False), 7).eval()
    network = encoder.network
    waveform, specgram = make_windows(count, seconds)
    length = waveform.shape[2] / SAMPLE_RATE  # seconds of a window
    start = time.perf_counter()
    expected = network.compute_features(waveform[:1], specgram[:1]).unflatten(1, (-1, HOP_LENGTH)).mean(2)
    reference_time = (time.perf_counter() - start) / length
    exact = compute_hop_means(network, waveform[:1, 0], specgram[:1, 0], torch.float32)
    start = time.perf_counter()
    fast = encoder.compute_window_means(waveform, specgram)
    own_time = (time.perf_counter() - start) / length / count
    return {
        "WaveRNN, s per s of audio": round(own_time, 3),
        "WaveRNN reference, s per s of audio": round(reference_time, 3),
        "WaveRNN / reference": round(own_time / reference_time, 3),
        "relative error, float32": float(f"{(exact - expected).norm() / expected.norm():.2e}"),
        "relative error, bfloat16": float(f"{(fast[:1] - expected).norm() / expected.norm():.2e}"),
    }


@torch.inference_mode()
def measure_encoder(preset: str, folder: Path, max_clips: int = 40) -> dict[str, float]:
    checked = check_encoder_config("audio", read_settings(preset, None)["modalities"]["audio"])
    encoder = ENCODERS[checked.encoder](checked, 7).eval()
    parameters = sum(parameter.numel() for parameter in encoder.parameters())
    encoder.optimize_for_inference()
    clips = sorted(file for file in folder.rglob("*") if file.suffix.lower() in AUDIO_SUFFIXES)[: max_clips + 1]
    seconds = sum(len(read_waveform(Clip(file))) for file in clips[1:]) / SAMPLE_RATE
    for number, file in enumerate(clips):
        if number == 1:  # the first clip warms up
            start = time.perf_counter()
        utterance = Utterance("input", file.stem, 0, clip=Clip(file))
        values = encoder.prepare(Dialogue("input", file.stem, (utterance,)), 0)
        encoder(encoder.collate([Example(utterance.key, values)])).logits.softmax(1)
    return {
        f"{preset}, real-time factor": round((time.perf_counter() - start) / seconds, 4),
        f"{preset}, million parameters": round(parameters / 1e6, 2),
    }


def run_training_step(seconds: float, results: Any) -> None:
    """Train for one step; put the peak memory in MiB and the time in seconds into the queue."""
    encoder = WaveRnnEncoder(WaveRnnConfig(encoder="wavernn", pretrained=False), 7).train()
    optimizer = torch.optim.SGD(encoder.parameters(), 1e-3)
    samples = int(seconds * SAMPLE_RATE)
    batch = {"waveform": torch.randn(BATCH_SIZE, samples) * 0.1, "samples": torch.full((BATCH_SIZE,), samples)}
    start = time.perf_counter()
    torch.nn.functional.cross_entropy(encoder(batch).logits, torch.arange(BATCH_SIZE) % 7).backward()
    optimizer.step()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    results.put((peak, round(time.perf_counter() - start, 1)))


def measure_training(seconds: float) -> dict[str, float]:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=run_training_step, args=(seconds, results))
    process.start()
    peak, step_time = results.get()
    process.join()
    return {"WaveRNN training, batch of 8, MiB": peak, "WaveRNN training, s a step": step_time}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, default=Path("../shared/data/ravdess/Actor_21"))
    parser.add_argument("--presets", nargs="+", default=["compact", "base"])
    parser.add_argument("--windows", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of each window")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result: dict[str, Any] = {
        "threads": torch.get_num_threads(), "windows": options.windows, "seconds": options.seconds
    }  # fmt: skip
    for preset in options.presets:
        result |= measure_encoder(preset, options.clips)
    result |= measure_wavernn(options.windows, options.seconds) | measure_training(options.seconds)
    show(result, options.out)


if __name__ == "__main__":
    main()
