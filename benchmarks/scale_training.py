"""Training of stage 2 on a made corpus of a million utterances: time and memory beside a small corpus, as JSON.

    python benchmarks/scale_training.py DIR [--utterances 1000000] [--small 10000] [--out FILE]

Dialogues of ten utterances, three modalities with a pooled vector of 32 numbers each in one byte per number. For each size a new process
opens the table and the feature stores and trains a small fusion, as `mmerc train` does in stage 2. DIR gets the table and the stores;
they are made once.

`open_corpus`, `open_features`, `make_examples`: seconds. `epoch`: microseconds for each utterance from the end of an epoch to the end of the next
one, with the dev split: the lowest of five epochs of the small corpus, and of the only one of the large corpus. `epoch_cpu`: the same in CPU time, where
other programs are running. `ratio`: large to small. `memory_gib`: the peak of the process. `dialogues` has the same with a fusion that
reads complete dialogues.
"""

import argparse
import csv
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from result import show

from mmerc import open_corpus
from mmerc.corpora import Corpus
from mmerc.features import FeatureRow, quantize
from mmerc.features.store import FeatureStore
from mmerc.features.writer import FeatureWriter, is_sorted, sort_store
from mmerc.fusion import FusionConfig, build_fusion
from mmerc.hardware import keep_memory
from mmerc.training.fusion import make_examples
from mmerc.training.loop import fit
from mmerc.training.modality_dropout import FusionForward
from mmerc.training.run_config import TrainerConfig
from mmerc.training.task import make_task

NAMES, WIDTH = ("text", "audio", "face"), 32
EMOTIONS = ("joy", "anger", "neutral", "sadness")
PER_DIALOGUE = 10
DEV = 50  # every 50th dialogue is in dev


def write_table(file: Path, count: int) -> None:
    with file.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["split", "dialogue", "utterance", "speaker", "text", "emotion"])
        for number in range(count):
            dialogue, turn = divmod(number, PER_DIALOGUE)
            split = "dev" if dialogue % DEV == 0 else "train"
            out.writerow([split, dialogue, turn, "AB"[turn % 2], f"utterance {number}", EMOTIONS[number * 7919 % 4]])


def write_features(folder: Path, corpus: Corpus, seed: int) -> None:
    """Vectors that tell the label with noise; one in ten utterances lacks the modality."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(EMOTIONS), WIDTH))
    store = FeatureStore(folder)
    if is_sorted(store):
        return
    utterances = [each for split in corpus.splits for each in corpus.utterances(split)]
    with FeatureWriter(folder) as writer:
        for utterance in utterances:
            if rng.random() < 0.1:
                writer.add(FeatureRow(utterance.key, None, "made without it"))
                continue
            vector = centres[EMOTIONS.index(utterance.emotion or "")] + 3 * rng.normal(size=WIDTH)
            writer.add(quantize(FeatureRow(utterance.key, vector[None].astype(np.float16))))
    store.refresh()
    sort_store(store, (utterance.key for utterance in utterances))


def read_peak_memory() -> float:
    """GiB of this process. `ru_maxrss` would also count what the process had before it became this program."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 2**20


def make(folder: Path, count: int) -> Path:
    """The folder of a corpus of `count` utterances; it is made if it is not there yet."""
    own = folder / str(count)
    own.mkdir(parents=True, exist_ok=True)
    if not (own / "corpus.csv").is_file():
        write_table(own / "corpus.csv", count)
    corpus = open_corpus(f"table:{own / 'corpus.csv'}")
    for seed, name in enumerate(NAMES):
        write_features(own / name, corpus, seed)
    return own


def measure(folder: Path, epochs: int, dialogue_context: bool) -> dict[str, Any]:
    """What one process needs to open a corpus and to train on it."""
    keep_memory()
    torch.set_num_threads(1)
    times = [time.perf_counter()]
    corpus = open_corpus(f"table:{folder / 'corpus.csv'}")
    times.append(time.perf_counter())
    features = {name: FeatureStore(folder / name) for name in NAMES}
    times.append(time.perf_counter())
    widths = dict.fromkeys(NAMES, WIDTH)
    config = FusionConfig(
        name="attention_pooling", d_model=16, fused_size=16, num_heads=2, epochs=epochs, batch_size=500, patience=epochs,
        dialogue_context=dialogue_context, modality_dropout_keeps="some", bf16=False,
    )  # fmt: skip
    train, dev = (
        make_examples(features, widths, corpus, split, by_dialogue=dialogue_context) for split in ("train", "dev")
    )
    times.append(time.perf_counter())
    network = build_fusion(config, widths, corpus.labels.num_outputs)
    task = make_task("fusion", network, FusionForward(network, config), config, corpus, train, dev, seed=0)
    checkpoint = folder / "checkpoint"
    checkpoint.unlink(missing_ok=True)
    ends: list[tuple[float, float]] = []  # of each epoch

    def note(event: dict[str, Any]) -> None:
        ends.append((time.perf_counter(), time.process_time()))

    history = fit(task, TrainerConfig(accelerator="cpu", num_threads=1), checkpoint, note)
    checkpoint.unlink()
    count = len(train.keys) + len(dev.keys)
    epoch, epoch_cpu = np.diff(np.asarray(ends), axis=0).min(0) * 1e6 / count
    return {
        "utterances": count,
        **{
            name: round(after - before, 3)
            for name, before, after in zip(
                ("open_corpus", "open_features", "make_examples"), times, times[1:], strict=False
            )
        },
        "epoch": round(epoch, 1),
        "epoch_cpu": round(epoch_cpu, 1),
        "memory_gib": round(read_peak_memory(), 2),
        "dev_f1_weighted": round(history[-1]["dev_f1_weighted"], 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--utterances", type=int, default=1_000_000)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--measure", nargs=2, type=int, metavar=("EPOCHS", "DIALOGUES"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.folder, arguments.measure[0], bool(arguments.measure[1]))))
        return
    result: dict[str, Any] = {}
    for dialogues in (0, 1):
        found = {}
        for count in (arguments.small, arguments.utterances):
            epochs = 6 if count == arguments.small else 2
            command = [sys.executable, __file__, str(make(arguments.folder, count)), "--measure", epochs, dialogues]
            answer = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE).stdout
            found[str(count)] = json.loads(answer.splitlines()[-1])
            print(found[str(count)], file=sys.stderr)
        small, large = found.values()
        result["dialogues" if dialogues else "utterances"] = {
            **found,
            "ratio": {name: round(large[name] / small[name], 2) for name in ("epoch", "epoch_cpu")},
        }
    show(result, arguments.out)


if __name__ == "__main__":
    main()
