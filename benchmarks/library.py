"""Size and import time of mmerc without extras, as JSON.

    python benchmarks/library.py --venv DIR [--model RUN/model] [--pip-args ARGS] [--rounds 5] [--out FILE]

The program makes a virtual environment in DIR, unless it exists, and installs PyTorch and this folder into it. The size is that of
the whole environment on disk, with PyTorch, pip and compiled modules, in GB of 10^9 bytes. Each import is that of a new process; the time is the median
of the rounds, with the start of Python. `--model`: also load this model. `gigabytes_after_use` is the size at the end: with `--pip-args=--no-compile` Python
compiles a module when it is first imported. Measure on an idle machine.
"""

import argparse
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from result import show

ROOT = Path(__file__).parent.parent
TORCH = "torch>=2.8,<2.14"
LARGEST = 12  # packages that are listed
IGNORED = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")  # variables that a user does not have


def make_environment(folder: Path, pip_arguments: list[str]) -> Path:
    """The Python of a new environment with mmerc alone, or of the one that is there."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        for requirement in (TORCH, str(ROOT)):
            command = [str(python), "-m", "pip", "install", "--quiet", *pip_arguments, requirement]
            subprocess.run(command, check=True, cwd=folder)
    return python


def measure_size(folder: Path) -> int:
    """Bytes on disk of all files in a folder."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


def measure_start(python: Path, code: str, rounds: int) -> float:
    """Seconds of a new process that runs the code; the first one, which reads the files from the disk, does not count."""
    environment = {key: value for key, value in os.environ.items() if key not in IGNORED}
    seconds = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        subprocess.run([python, "-c", code], check=True, cwd="/", env=environment, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - begun)
    return round(median(seconds[1:]), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--pip-args", default="", help="such as an index with PyTorch for the CPU")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    python = make_environment(arguments.venv.resolve(), shlex.split(arguments.pip_args))
    packages = next((arguments.venv / "lib").glob("python*/site-packages"))
    sizes = {path.name: measure_size(path) for path in packages.iterdir() if path.is_dir()}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:LARGEST]
    codes = {
        "python": "pass",
        "import_torch": "import torch",
        "import_predictor": "from mmerc import Predictor",
        "help": "import sys; sys.argv = ['mmerc', '--help']; from mmerc.cli import app; app(standalone_mode=False)",
    }
    if arguments.model is not None:
        codes["load_model"] = f"from mmerc import Predictor; Predictor.load({str(arguments.model.resolve())!r})"
    result: dict[str, Any] = {
        "gigabytes": round(measure_size(arguments.venv) / 1e9, 3),
        "largest_megabytes": {name: round(sizes[name] / 1e6, 1) for name in largest},
        "seconds": {name: measure_start(python, code, arguments.rounds) for name, code in codes.items()},
    }
    result["gigabytes_after_use"] = round(measure_size(arguments.venv) / 1e9, 3)
    show(result, arguments.out)


if __name__ == "__main__":
    main()
