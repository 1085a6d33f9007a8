"""What the command line shows a person: results as tables or CSV on stdout, errors as one sentence on stderr."""

import errno
import os
import sys
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmerc.errors import MmercError, kind_of

console = Console(width=None if sys.stdout.isatty() else 200, emoji=False)  # ":x:" is what somebody said
errors = Console(stderr=True, emoji=False)
LISTED = 10  # problems of a transcript, places with the same problem
P = ParamSpec("P")


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Turn an error that the user can mend into its sentence and exit code 2."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
            sys.stdout.flush()  # here, where a full disk is still an error with a sentence
        except MmercError as error:
            errors.print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
            raise typer.Exit(2) from error
        except OSError as error:
            if error.errno is None or (error.filename is None and error.errno != errno.ENOSPC):
                raise
            if error.filename is None:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left in the buffer would fail again at the end
            where = str(error.filename or "the output folder")[:120]
            errors.print(
                f"[bold red]error:[/] {escape(str(where))}: {error.strerror}: check the path or choose another place.",
                soft_wrap=True,
            )
            raise typer.Exit(2) from error
        except KeyboardInterrupt as interrupt:
            goes_on = command.__name__ in ("train", "demo")
            errors.print("stopped; the same command goes on from here" if goes_on else "stopped")
            raise typer.Exit(130) from interrupt

    return run


def show(run: Path, splits: Iterable[str]) -> None:
    """The first of the splits that can be scored."""
    from mmerc.files import read_json

    results = read_json(run / "metrics.json")
    for split in splits:
        if split in results and results[split]["labelled"]:
            show_result(results[split], whole=False)
            return


def show_result(result: dict[str, Any], *, whole: bool) -> None:
    from mmerc.evaluation.tables import all_tables, overall

    if not result["labelled"]:
        console.print(f"{escape(result['corpus'])} {escape(result['split'])}: {result['utterances']} utterances predicted; "
                      "the split has no labels here, so it cannot be scored.")  # fmt: skip
        return
    for table in all_tables(result) if whole else [overall(result)]:
        console.print(table.shown())


def show_statistics(counted: dict[str, Any]) -> None:
    keys = ("utterances", "dialogues", "speakers", "clips", "gaps", "overlaps", "not_monotonic")
    table = Table("", *map(escape, counted["splits"]), title=escape(counted["corpus"]), title_justify="left")
    for key in keys:
        table.add_row(key.replace("_", " "), *(str(split[key]) for split in counted["splits"].values()))
    for label in counted["labels"]:
        cells = [str(split["emotions"][label]) if split["emotions"] else "-" for split in counted["splits"].values()]
        table.add_row(escape(label), *cells)
    unlabelled = [split["utterances"] - sum((split["emotions"] or {}).values()) for split in counted["splits"].values()]
    if any(unlabelled):
        table.add_row("(no label)", *map(str, unlabelled))
    console.print(table)
    for scene in counted["repeated_scenes"]:
        console.print(f"repeated scene in {escape(scene['split'])}: dialogues {escape(' and '.join(scene['dialogues']))}, "
                      f"{scene['utterances']} utterances, {scene['conflicting_labels']} conflicting labels")  # fmt: skip
    problems = Table("kind", "where", "what", title=f"{len(counted['problems'])} problems", title_justify="left")
    alike: dict[tuple[str, str], list[dict[str, str]]] = {}
    for problem in counted["problems"]:
        alike.setdefault((problem["kind"], kind_of(problem["what"])), []).append(problem)
    for (kind, what), those in alike.items():
        if len(those) > LISTED:  # one thing that is wrong everywhere would hide all others; --json has each place
            problems.add_row(kind, escape(f"{those[0]['where']} and {len(those) - 1} more"), escape(what))
            continue
        for problem in those:
            problems.add_row(kind, escape(problem["where"]), escape(problem["what"]))
    if counted["problems"]:
        console.print(problems)
