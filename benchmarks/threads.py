"""Seconds for one recording with several numbers of threads and ways of waiting, as JSON: what a busy machine costs.

    python benchmarks/threads.py --model RUN/model --recording FILE [--transcript FILE] [--load 2] [--rounds 3] [--out FILE]

Each setting has a process of its own, which loads the model and predicts once to warm up. Then the processes take turns, so
that a change of the machine's load hits all of them. `--load` keeps so many cores busy with other processes during the
measurement. `default` is what mmerc does without options, `torch` what torch does by itself, and `1 thread` has no other
thread to wait for. `default / best` is the number to watch: 1 is ideal. Measure without load too.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import IO, Any

from result import show

# Environment of each setting, and its number of threads; None is what mmerc chooses. A waiting thread of GNU's OpenMP looks
# 300,000 times by default whether the others are ready, before it sleeps.
SETTINGS: dict[str, tuple[dict[str, str], int | None]] = {
    "default": ({}, None),
    "1 thread": ({}, 1),
    "torch": ({"GOMP_SPINCOUNT": "300000"}, None),
    "short spinning": ({"GOMP_SPINCOUNT": "1000"}, None),
}


def predict_in_turns(model: Path, recording: Path, transcript: Path | None, threads: int | None) -> None:
    """What the process of a setting does: predict once for every line on stdin, and print the seconds."""
    from mmerc import Predictor
    from mmerc.threads import set_num_threads

    set_num_threads(threads)
    predictor = Predictor.load(model)
    predictor.predict_recording(recording, transcript)
    print(json.dumps("ready"), flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        predictor.predict_recording(recording, transcript)
        print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]), flush=True)


@contextmanager
def keep_busy(cores: int) -> Iterator[None]:
    """Other processes that compute without end, one for each core."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


class Worker:
    """The process of one setting."""

    def __init__(self, environment: dict[str, str], arguments: list[str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker", *arguments],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self) -> Any:
        stream: IO[str] | None = self.process.stdout
        assert stream is not None
        line = stream.readline()
        if not line:
            raise SystemExit(f"error: a process of the measurement ended with status {self.process.wait()}")
        return json.loads(line)

    def measure(self) -> tuple[float, float]:
        """Seconds of wall clock and of processor time for one prediction of the recording."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        wall, cpu = self.read()
        return wall, cpu

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("demo-run/run/model"))
    parser.add_argument("--recording", type=Path, required=True)
    parser.add_argument("--transcript", type=Path)
    parser.add_argument("--load", type=int, default=0, help="cores that other processes keep busy")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        predict_in_turns(options.model, options.recording, options.transcript, options.threads)
        return
    arguments = ["--model", str(options.model), "--recording", str(options.recording)]
    arguments += ["--transcript", str(options.transcript)] if options.transcript else []
    workers: dict[str, Worker] = {}
    try:
        for name, (environment, threads) in SETTINGS.items():
            workers[name] = Worker(environment, arguments + (["--threads", str(threads)] if threads else []))
        for worker in workers.values():
            worker.read()  # it is ready
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in workers}
        load_before = os.getloadavg()[0]
        with keep_busy(options.load):
            for _ in range(options.rounds):
                for name, worker in workers.items():
                    times[name].append(worker.measure())
    finally:
        for worker in workers.values():
            worker.close()
    seconds = {name: median(wall for wall, _ in found) for name, found in times.items()}
    result: dict[str, Any] = {
        "unit": "seconds for the recording, median of the rounds",
        "cores": os.cpu_count(),
        "busy cores": options.load,
        "load average before": round(load_before, 1),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "rounds": {name: [round(wall, 2) for wall, _ in found] for name, found in times.items()},
        "processor seconds": {name: round(median(cpu for _, cpu in found), 2) for name, found in times.items()},
        "default / best": round(seconds["default"] / min(seconds.values()), 2),
        "torch / best": round(seconds["torch"] / min(seconds.values()), 2),
    }
    show(result, options.out)


if __name__ == "__main__":
    main()
