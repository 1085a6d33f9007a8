"""What a run says while it runs: bars and lines on stderr, and every event in `log.jsonl`."""

import json
import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mmerc.hardware import is_main_process

console = Console(stderr=True, emoji=False)
log = logging.getLogger("mmerc")


def show_log(level: int = logging.INFO) -> None:
    """Send the log to stderr, once; the libraries' own chatter stays away."""
    log.setLevel(level if is_main_process() else logging.ERROR)
    if not log.handlers:
        log.addHandler(RichHandler(console=console, show_path=False, show_level=False, rich_tracebacks=False))
        log.propagate = False
    warnings.filterwarnings("ignore", category=UserWarning, module="lightning")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def bar(title: str, total: int) -> Iterator[Any]:
    """A progress bar; gives the function that sets how much is done, and of how much where that shows later."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not is_main_process()) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done, of=total: progress.update(task, completed=min(done, of), total=of)


class Journal:
    """`log.jsonl`: one line an event, appended; a line that a kill cut off is ignored by whoever reads it."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def note(self, event: dict[str, Any]) -> None:
        if not is_main_process():
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"time": round(time.time(), 3), **event}) + "\n")
        if "epoch" in event:
            log.info(
                "%s epoch %d: loss %.3f, dev f1_weighted %.1f (%.0f s)",
                event["stage"],
                event["epoch"],
                event.get("loss", float("nan")),
                100 * event["dev_f1_weighted"],
                event["seconds"],
            )
