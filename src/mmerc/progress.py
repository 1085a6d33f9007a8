"""Progress: bars and log lines on stderr, and the events of a run in `log.jsonl`."""

import itertools
import json
import logging
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mmerc.errors import ConfigError
from mmerc.extras import check_extra
from mmerc.hardware import is_main_process

console = Console(stderr=True, emoji=False)
log = logging.getLogger("mmerc")


def show_log(level: int = logging.INFO) -> None:
    """Send the log to stderr, and silence the logs of libraries. A second call changes nothing."""
    log.setLevel(level if is_main_process() else logging.ERROR)
    if not log.handlers:
        log.addHandler(RichHandler(console=console, show_path=False, show_level=False, rich_tracebacks=False))
        log.propagate = False
    warnings.filterwarnings("ignore", category=UserWarning, module="lightning")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def show_progress(title: str, total: int | None, *, is_bytes: bool = False) -> Iterator[Any]:
    """A progress bar on stderr or in a notebook. Yields a function `(done, of=total)` that updates it; `None` is a total that is not known."""
    counter = DownloadColumn() if is_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), counter, TimeRemainingColumn())
    is_shown = is_main_process() and _can_show_widgets()
    with Progress(*columns, console=console, transient=True, disable=not is_shown) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done, of=total: progress.update(task, completed=done if of is None else min(done, of), total=of)


def _can_show_widgets() -> bool:
    """Whether this is no notebook, or has what rich draws a bar with in a notebook."""
    if not console.is_jupyter:
        return True
    try:
        check_extra("notebook", "a progress bar in a notebook")
    except ConfigError as error:
        log.warning("%s", error)
        return False
    return True


def count_calls(report: Callable[[int], None]) -> Callable[[], None]:
    """A function without arguments that tells `report` how often it was called.

    >>> step = count_calls(print)
    >>> step()
    1
    >>> step()
    2
    """
    steps = itertools.count(1)
    return lambda: report(next(steps))


class EventLog:
    """`log.jsonl`: one line per event. Readers skip a last line that a killed process has left incomplete.

    `on_event` is called with each event after it is written.
    """

    def __init__(self, file: Path, on_event: Callable[[dict[str, Any]], None] = lambda event: None) -> None:
        self.file, self.on_event = file, on_event

    def write(self, event: dict[str, Any]) -> None:
        if not is_main_process():
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"time": round(time.time(), 3), **event}) + "\n")
        if "epoch" in event:
            log.info(
                "%s epoch %d: loss %.3f, dev f1_weighted %.1f%s (%.0f s)",
                event["stage"],
                event["epoch"],
                event.get("loss", float("nan")),
                100 * event["dev_f1_weighted"],
                f", dev CCC {event['dev_ccc']:.3f}" if "dev_ccc" in event else "",
                event["seconds"],
            )
        self.on_event(event)
