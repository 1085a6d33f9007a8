"""Two workers of Ray with one thread each against one: seconds for the extraction and the prediction of some clips, as JSON.

    python benchmarks/ray_engine.py MODEL CLIPS [--count 60] [--rounds 3] [--out FILE]

CLIPS is a folder of recordings, of which `count` are taken, repeated if there are fewer. The time begins when every worker has loaded the
networks and processed a clip, and ends with the last result in the driver. `cpu` is the processor time for each clip in that time:
of the workers, the driver (the command itself) and Ray's other processes. Each figure is the median of the rounds.

There are two ratios of one worker to two; 2 is the most that two CPUs allow. `same_cpus`: the one worker has both CPUs, so the driver
computes beside it and costs it nothing. `one_cpu`: the one worker, its driver and Ray share one CPU. `no_ray` is the loop of one
process. Nothing else may run on the machine: `load` is its load at the start.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any

import psutil
from result import show

from mmerc.inference.inputs import Part, Recording, list_input
from mmerc.scale.cluster import Cluster
from mmerc.scale.extraction import ExtractionJob, extract
from mmerc.scale.prediction import PredictionJob, predict_parts
from mmerc.scale.work import Job, Work, run_here
from mmerc.threads import set_num_threads

# The workers of each run, 0 for none of Ray, and the CPUs that all its processes share.
RUNS = {"no_ray": (0, 1), "one_worker_one_cpu": (1, 1), "one_worker": (1, 2), "two_workers": (2, 2)}
COMMANDS = ("extract", "predict")


@dataclass(frozen=True)
class WarmJob:
    """Another job, which no worker begins before all have processed a clip."""

    job: Job
    clip: Part
    folder: Path
    workers: int

    def load(self) -> Work:
        work = self.job.load()
        work.process(self.clip)
        (self.folder / str(os.getpid())).touch()
        while len(list(self.folder.iterdir())) < self.workers:
            time.sleep(0.001)
        return work


class Stopwatch:
    """Runs the parts, and measures from the moment in which all workers are warm to the last result."""

    def __init__(self, workers: int) -> None:
        self.workers, self.count = workers, 0
        self.start, self.cpu = 0.0, Counter[str]()

    def __call__(self, job: Job, parts: Sequence[Part]) -> Iterator[tuple[int, bytes]]:
        run = Cluster(workers=self.workers).run if self.workers else run_here
        with tempfile.TemporaryDirectory() as folder:
            Thread(target=self._begin, args=(Path(folder),), daemon=True).start()
            for result in run(WarmJob(job, parts[0], Path(folder), max(1, self.workers)), parts):
                self.count += 1
                if self.count == len(parts):
                    self.seconds = time.time() - self.start
                    self.cpu = Counter({name: spent - self.cpu[name] for name, spent in count_cpu_seconds().items()})
                yield result

    def _begin(self, folder: Path) -> None:
        while len(files := list(folder.iterdir())) < max(1, self.workers):
            time.sleep(0.01)
        self.start = max(file.stat().st_mtime for file in files)
        self.cpu = count_cpu_seconds()

    def describe(self) -> dict[str, Any]:
        """Milliseconds for each clip."""
        cpu = {name: round(1000 * spent / self.count, 2) for name, spent in sorted(self.cpu.items())}
        return {"wall": round(1000 * self.seconds / self.count, 2), "cpu": cpu}


def count_cpu_seconds() -> Counter[str]:
    """The processor time that this process and those below it have taken."""
    found = Counter({"driver": time.process_time()})
    for process in psutil.Process().children(recursive=True):
        try:
            times, command = process.cpu_times(), process.cmdline()
        except psutil.NoSuchProcess:
            continue
        is_worker = bool(command) and "Worker" in command[0]
        found["workers" if is_worker else "ray"] += times.user + times.system
    return found


def measure(command: str, run: str, model: str, clips: Path, out: Path) -> dict[str, Any]:
    """What a run takes, in this process."""
    workers, cpus = RUNS[run]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cpus])
    set_num_threads(1)
    stopwatch = Stopwatch(workers)
    if command == "extract":
        extract(str(clips), out, ExtractionJob(model=model), run=stopwatch)
    else:
        with predict_parts(str(clips), out, PredictionJob(model=model), run=stopwatch) as rows:
            assert len(rows.predictions) >= stopwatch.count
    return stopwatch.describe()


def compare(rounds: Sequence[dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """The medians of each run, and the ratios."""
    found: dict[str, Any] = {}
    for run in RUNS:
        cpu = {name: median(each[run]["cpu"][name] for each in rounds) for name in rounds[0][run]["cpu"]}
        found[run] = {"wall": median(each[run]["wall"] for each in rounds), "cpu": cpu}
    two = found["two_workers"]["wall"]
    found["ratio"] = {
        "same_cpus": round(found["one_worker"]["wall"] / two, 2),
        "one_cpu": round(found["one_worker_one_cpu"]["wall"] / two, 2),
        "no_ray": round(found["no_ray"]["wall"] / two, 2),
    }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("clips", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--run", nargs=2, metavar=("COMMAND", "RUN"), help="measure this alone, with the clips as they are"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if options.run:
            command, run = options.run
            print(json.dumps(measure(command, run, options.model, options.clips, Path(temporary) / "out")))
            return
        parts, _ = list_input(str(options.clips), treat_as="conversations")  # so that each file is a part
        files = [part.file for part in parts if isinstance(part, Recording)]
        clips = Path(temporary) / "clips"
        clips.mkdir()
        for index in range(options.count):
            file = files[index % len(files)]
            shutil.copy(file, clips / f"{index:03}{file.suffix}")
        result: dict[str, Any] = {"clips": options.count, "load": [round(each, 2) for each in os.getloadavg()]}
        for command in COMMANDS:
            rounds = [
                {run: measure_apart(command, run, options.model, clips) for run in RUNS} for _ in range(options.rounds)
            ]
            result[command] = compare(rounds) | {"rounds": rounds}
    show(result, options.out)


def measure_apart(command: str, run: str, model: str, clips: Path) -> dict[str, Any]:
    """The same in a process of its own."""
    words = [sys.executable, __file__, model, str(clips), "--run", command, run]
    found: dict[str, Any] = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
    return found


if __name__ == "__main__":
    main()
