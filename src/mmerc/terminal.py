"""What the command line shows: results as tables on stdout, errors as one sentence on stderr."""

import errno
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmerc.corpora import Problem
from mmerc.errors import MmercError, remove_details
from mmerc.extras import explain_missing

if TYPE_CHECKING:
    from mmerc.evaluation.tables import Table as ResultTable
    from mmerc.inference.inspection import Report
    from mmerc.media.inspection import TrackInfo
    from mmerc.model import Prediction
    from mmerc.model.model import EmotionModel

console = Console(width=None if sys.stdout.isatty() else 200, emoji=False)  # text such as ":x:" is no emoji
errors = Console(stderr=True, emoji=False)
MAX_LISTED = 10  # problems of a transcript, or places with the same problem
RESUMABLE = ("train", "demo", "build", "fetch_corpora", "extract")
P = ParamSpec("P")


def exit_on_error(command: Callable[P, None]) -> Callable[P, None]:
    """Print an error that the user can fix as one sentence, and exit with status 2."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
            sys.stdout.flush()  # a full disk is reported here, not at the end of the process
        except MmercError as error:
            errors.print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
            raise typer.Exit(2) from error
        except ModuleNotFoundError as error:
            sentence = explain_missing(error, f"mmerc {command.__name__}")
            if sentence is None:
                raise
            errors.print(f"[bold red]error:[/] {escape(sentence)}", soft_wrap=True)
            raise typer.Exit(2) from error
        except OSError as error:
            if error.errno is None or (error.filename is None and error.errno != errno.ENOSPC):
                raise
            if error.filename is None:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the rest of the buffer would fail again at the end
            where = str(error.filename or "the output folder")[:120]
            errors.print(
                f"[bold red]error:[/] {escape(where)}: {error.strerror}: check the path or choose another one.",
                soft_wrap=True,
            )
            raise typer.Exit(2) from error
        except KeyboardInterrupt as interrupt:
            is_resumable = command.__name__ in RESUMABLE
            errors.print("stopped; run the same command to continue" if is_resumable else "stopped")
            raise typer.Exit(130) from interrupt

    return run


def print_scored_split(run: Path, splits: Iterable[str]) -> None:
    """Print the results of the first of the splits that has labels."""
    from mmerc.evaluation.run_metrics import METRICS
    from mmerc.files import read_json

    results = read_json(run / METRICS)
    for split in splits:
        if split in results and results[split]["labelled"]:
            print_result(results[split], make_tables=False)
            return


def print_result(result: dict[str, Any], *, make_tables: bool) -> None:
    """Print the tables of a result of `evaluate`; without `make_tables` the overall table only."""
    from mmerc.evaluation import tables

    if not result["labelled"]:
        console.print(
            f"{escape(result['corpus'])} {escape(result['split'])}: {result['utterances']} utterances were predicted; "
            "the split has no labels, so it cannot be scored."
        )
        return
    print_tables(
        tables.make_tables(result) if make_tables else [tables.make_overall(result), *tables.make_corpora(result)]
    )


def print_tables(tables: Iterable["ResultTable"]) -> None:
    """Print tables of results."""
    for table in tables:
        console.print(table.to_rich())


def print_input_problems(problems: Sequence[Problem], *, is_transcript: bool) -> None:
    """Print the problems of a transcript, or the number of problems of a corpus."""
    if problems and not is_transcript:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        errors.print(f"{count} in the corpus; `mmerc corpus check` lists them")
        return
    for problem in problems[:MAX_LISTED]:
        errors.print(escape(f"{problem.where}: {problem.what}"), soft_wrap=True)
    if len(problems) > MAX_LISTED:
        rest = len(problems) - MAX_LISTED
        errors.print(f"and {rest} more problem{'s' if rest > 1 else ''}")


def print_origin(model: "EmotionModel", predictions: "Sequence[Prediction]") -> None:
    """Print what a model was trained on, and how many of its predictions are uncertain."""
    from mmerc.model.prediction import describe_origin

    uncertain = sum(bool(each.uncertain) for each in predictions)
    sentence = describe_origin(model.name, model.trained_on)
    if model.conformal is None:
        sentence += " It has no prediction sets: train it again to get them."
    else:
        sentence += f" {uncertain} of {len(predictions)} predictions are uncertain at a coverage of {model.coverage:g}."
    errors.print(escape(sentence), soft_wrap=True)


def print_extraction(out: Console, folder: Path, found: dict[str, Any]) -> None:
    """Print how many utterances have features of each modality."""
    table = Table("modality", "utterances", "missing")
    for name, missing in found["missing"].items():
        table.add_row(escape(name), str(found["utterances"] - missing), str(missing))
    out.print(table)
    out.print(escape(f"features: {folder}"))


def print_export(out: Console, found: dict[str, Any]) -> None:
    """Print how the exported graphs compare with torch."""
    table = Table("part", "largest difference of a logit", "speed / torch", "speed / torch in float32")
    for name, part in found["parts"].items():
        speeds = (part["times_as_fast"], part["times_as_fast_as_float32"])
        table.add_row(name, f"{part['largest_difference']:.1e}", *(f"{speed:.2f}" for speed in speeds))
    out.print(table)
    for name, value in found.get("check", {}).items():
        out.print(f"{name.replace('_', ' ')}: {value}")


def print_combination(out: Console, folder: Path, info: dict[str, Any]) -> None:
    """Print what a combined model was made of."""
    table = Table("modality", "model", "trained on", "weight")
    for name, origin in info["origins"].items():
        table.add_row(escape(name), escape(origin["model"]), escape(origin["corpus"]), f"{origin['weight']:.2f}")
    out.print(table)
    prior = ", ".join(f"{label} {100 * p:.0f} %" for label, p in zip(info["labels"], info["prior"], strict=True))
    out.print(escape(f"prior: {prior}"))
    if info["tuned"] is not None:
        losses = info["tuned"]["held_out_loss"]
        verdict = "kept" if info["tuned"]["kept"] else "not kept"
        out.print(f"loss on held-out folds: default {losses['default']:.3f}, tuned {losses['tuned']:.3f} ({verdict})")
    out.print(escape(f"model: {folder}"))


def print_build(out: Console, folder: Path, info: dict[str, Any]) -> None:
    """Print what a built model was made of and what it reaches."""
    table = Table("network", "scored on", "utterances", "weighted F1", "UAR")
    for each in info["networks"]:
        scores = (f"{100 * each[key]:.1f}" for key in ("f1_weighted", "balanced_accuracy"))
        table.add_row(each["network"], escape(f"{each['corpus']} {each['split']}"), str(each["utterances"]), *scores)
    out.print(table)
    if info["pairings"] is not None:
        columns = {
            "f1_weighted": "weighted F1",
            "balanced_accuracy": "UAR",
            "calibration_error": "calibration error",
            "coverage": "coverage of 90 % sets",
        }
        table = Table("modalities, paired by emotion", *columns.values())
        for name, found in info["pairings"]["subsets"].items():
            cells = (found[column] for column in columns)
            table.add_row(name, *(f"{100 * each['mean']:.1f} ± {100 * each['std']:.1f}" for each in cells))
        out.print(table)
    print_combination(out, folder, info)


def print_statistics(counted: dict[str, Any]) -> None:
    """Print the statistics and the problems of a corpus."""
    keys = ("utterances", "dialogues", "speakers", "clips", "gaps", "overlaps", "not_monotonic")
    table = Table("", *map(escape, counted["splits"]), title=escape(counted["corpus"]), title_justify="left")
    splits = counted["splits"].values()
    for key in keys:
        table.add_row(key.replace("_", " "), *(str(split[key]) for split in splits))
    for label in counted["labels"]:
        cells = [str(split["emotions"][label]) if split["emotions"] else "-" for split in splits]
        table.add_row(escape(label), *cells)
    for name in dict.fromkeys(name for split in splits for name in split["dimensions"]):
        found = [split["dimensions"].get(name) for split in splits]
        cells = [f"{each['mean']:.3g} ± {each['std']:.3g} ({each['utterances']})" if each else "-" for each in found]
        table.add_row(f"{escape(name)}: mean ± std (count)", *cells)
    if any(split["agreement"] for split in splits):
        alphas = [f"{split['agreement']['alpha']:.3f}" if split["agreement"] else "-" for split in splits]
        table.add_row("annotators: Krippendorff's alpha", *alphas)
    unlabelled = [split["utterances"] - sum((split["emotions"] or {}).values()) for split in splits]
    if any(unlabelled):
        table.add_row("(no label)", *map(str, unlabelled))
    console.print(table)
    for scene in counted["repeated_scenes"]:
        console.print(
            f"repeated scene in {escape(scene['split'])}: dialogues {escape(' and '.join(scene['dialogues']))}, "
            f"{scene['utterances']} utterances, {scene['conflicting_labels']} conflicting labels"
        )
    if "leaks" in counted:
        console.print(_make_leak_table(counted["leaks"]) if counted["leaks"] else "the splits share nothing")
    for medium in counted.get("absent", ()):
        console.print(f"no clip of this corpus has {medium}")
    if counted["problems"]:
        console.print(_make_problem_table(counted["problems"]))


def _make_leak_table(leaks: Sequence[dict[str, Any]]) -> Table:
    """What each split shares with an earlier one; `examples` are a few pairs, or people."""
    table = Table("shared", "splits", "count", "of", "examples", title="leaks", title_justify="left")
    for leak in leaks:
        splits = f"{leak['first']}, {leak['second']}"
        examples = "; ".join(leak["examples"])
        table.add_row(leak["kind"], escape(splits), str(leak["count"]), str(leak["total"]), escape(examples))
    return table


def _make_problem_table(problems: Sequence[dict[str, str]]) -> Table:
    """Problems of one kind with many places are one row; --json lists each place."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    table = Table("kind", "where", "what", title=count, title_justify="left")
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for problem in problems:
        groups.setdefault((problem["kind"], remove_details(problem["what"])), []).append(problem)
    for (kind, what), group in groups.items():
        if len(group) > MAX_LISTED:
            table.add_row(kind, escape(f"{group[0]['where']} and {len(group) - 1} more"), escape(what))
            continue
        for problem in group:
            table.add_row(kind, escape(problem["where"]), escape(problem["what"]))
    return table


def print_report(out: Console, report: "Report") -> None:
    """Print what `mmerc inspect` has found in a file."""
    out.print(f"[bold]{escape(report.file)}[/]", soft_wrap=True)
    if report.kind == "unreadable":
        out.print(f"  not readable: {escape(report.reason)}", soft_wrap=True)
    elif report.kind == "recording":
        out.print(f"  recording, {report.container}, {format_seconds(report.duration)}")
        out.print(_make_track_table(report.tracks))
    else:
        names = ", ".join(
            f"{name or '(no name)'} {count}" for name, count in list(report.speakers.items())[:MAX_LISTED]
        )
        count = "1 utterance" if report.utterances == 1 else f"{report.utterances} utterances"
        span = f"{format_seconds(report.start)} to {format_seconds(report.end)}"
        out.print(f"  transcript, {report.format}, {report.encoding}, {count}, {span}")
        out.print(f"  speakers: {escape(names)}", soft_wrap=True)
        for each in report.first:
            out.print(
                f"  {format_seconds(each['start']):>9}  {escape(each['speaker'] or '(no name)')}: {escape(each['text'])}",
                soft_wrap=True,
            )
    for warning in getattr(report, "warnings", ())[:MAX_LISTED]:
        out.print(f"  [yellow]warning:[/] {escape(warning)}", soft_wrap=True)


def format_seconds(seconds: float) -> str:
    """Seconds as minutes and seconds.

    >>> format_seconds(75.25), format_seconds(-0.5)
    ('1:15.25', '-0:00.50')
    """
    hundredths = round(abs(seconds) * 100)
    sign = "-" if seconds < 0 and hundredths else ""
    return f"{sign}{hundredths // 6000}:{hundredths % 6000 / 100:05.2f}"


def _make_track_table(tracks: "Sequence[TrackInfo]") -> Table:
    table = Table("track", "codec", "language", "start", "duration", "content", "read", box=None, padding=(0, 2))
    for track in tracks:
        if track.kind == "video":
            rate = f", {track.frame_rate:.4g} frames/s" if track.frame_rate else ""
            turned = f", rotated by {track.rotation} degrees" if track.rotation else ""
            content = f"{track.width} x {track.height} pixels{rate}{turned}"
        else:
            content = f"{track.sample_rate} Hz, {track.channels} channel{'s' if track.channels != 1 else ''}"
        table.add_row(
            f"{track.kind} {track.index}",
            track.codec,
            track.language or "",
            format_seconds(track.start),
            format_seconds(track.duration),
            content,
            "yes" if track.is_read else "no",
        )
    return table
