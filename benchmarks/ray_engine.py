"""Two workers of Ray with one CPU each against one: seconds for the extraction and the prediction of some clips, as JSON.

    python benchmarks/ray_engine.py MODEL CLIPS [--count 60] [--out FILE]

CLIPS is a folder of recordings, of which `count` are taken, repeated if there are fewer. `seconds_per_clip` counts
from when each worker can have finished a clip to the last one, so neither the start of Ray nor the loading of the networks counts;
`command_seconds` is all of it. A ratio of 2 is the most that two CPUs allow. Nothing else may run on the machine.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from result import show

from mmerc.inference.inputs import Part, Recording, list_input
from mmerc.scale.extraction import ExtractionJob, extract
from mmerc.scale.prediction import PredictionJob, predict_parts
from mmerc.scale.ray_data import Cluster
from mmerc.scale.work import Job
from mmerc.threads import count_cpus


class Stopwatch:
    """Runs the parts on a number of workers, and notes when each is finished."""

    def __init__(self, workers: int) -> None:
        self.cluster, self.times = Cluster(workers=workers), list[float]()

    def __call__(self, job: Job, parts: Sequence[Part]) -> Iterator[tuple[int, bytes]]:
        for result in self.cluster.run(job, parts):
            self.times.append(time.perf_counter())
            yield result

    @property
    def seconds_per_clip(self) -> float:
        """In the time in which all workers compute: the first clip of each is the end of its start."""
        workers = self.cluster.workers or 1
        return (self.times[-1] - self.times[workers - 1]) / (len(self.times) - workers)


def measure(command: str, model: str, clips: Path, out: Path, workers: int) -> dict[str, float]:
    stopwatch, start = Stopwatch(workers), time.perf_counter()
    if command == "extract":
        extract(str(clips), out, ExtractionJob(model=model), run=stopwatch)
    else:
        with predict_parts(str(clips), out, PredictionJob(model=model), run=stopwatch) as rows:
            assert len(rows.predictions) >= len(stopwatch.times)
    return {
        "seconds_per_clip": round(stopwatch.seconds_per_clip, 4),
        "command_seconds": round(time.perf_counter() - start, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("clips", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    parts, _ = list_input(str(options.clips), treat_as="conversations")  # so that each file is a part
    files = [part.file for part in parts if isinstance(part, Recording)]
    result: dict[str, Any] = {"clips": options.count, "cpus": count_cpus()}
    with tempfile.TemporaryDirectory() as temporary:
        clips = Path(temporary) / "clips"
        clips.mkdir()
        for index in range(options.count):
            file = files[index % len(files)]
            shutil.copy(file, clips / f"{index:03}{file.suffix}")
        for command in ("extract", "predict"):
            found = {n: measure(command, options.model, clips, Path(temporary) / f"{command}{n}", n) for n in (1, 2)}
            ratio = found[1]["seconds_per_clip"] / found[2]["seconds_per_clip"]
            result[command] = {"one_worker": found[1], "two_workers": found[2], "ratio": round(ratio, 2)}
    show(result, options.out)


if __name__ == "__main__":
    main()
