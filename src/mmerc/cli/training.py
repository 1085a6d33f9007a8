"""Commands around training: demo, train, evaluate, report."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from mmerc.cli.options import (
    ConfigOption,
    CorpusArgument,
    JsonOption,
    LabelsOption,
    ModalitiesOption,
    PresetOption,
    SeedsOption,
    SetOption,
    ThreadsOption,
)
from mmerc.cli.settings import check_exclusive, load_run_config
from mmerc.errors import ConfigError
from mmerc.extras import check_extra
from mmerc.terminal import errors, exit_on_error, print_result, print_scored_split, print_tables

if TYPE_CHECKING:
    from mmerc.corpora import Corpus


@exit_on_error
def demo(
    out: Annotated[Path, typer.Option(help="folder for the corpus and the run")] = Path("demo-run"),
    seeds: SeedsOption = 3,
) -> None:
    """Make a small corpus of synthetic video clips, train on it, evaluate the model and write a report."""
    check_extra("demo", "mmerc demo")  # before the first library of `train`, which `demo` includes, is missed
    train(f"synthetic:{out / 'corpus'}", out / "run", preset="demo", seeds=seeds)


@exit_on_error
def train(
    corpus: CorpusArgument,
    out: Annotated[Path, typer.Option(help="the run folder; the same command continues a run that was stopped")],
    preset: PresetOption = None,
    config: ConfigOption = None,
    modalities: ModalitiesOption = None,
    overrides: SetOption = None,
    seeds: SeedsOption = 1,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="ROLE=INDEX", help="index or key of a role in a pack file, such as text=3; repeatable"
        ),
    ] = None,
    labels: LabelsOption = None,
    fusions: Annotated[
        str, typer.Option(metavar="NAMES", help="further fusions to train for comparison: names, or all")
    ] = "",
    folds: Annotated[
        int | None, typer.Option(min=3, help="number of folds for cross-validation; each fold gets a run")
    ] = None,
    fold_by: Annotated[
        Literal["speaker", "session", "dialogue"] | None,
        typer.Option(
            help="what is never divided between folds; by default speakers if the corpus allows it, else dialogues"
        ),
    ] = None,
) -> None:
    """Train a model on a corpus, evaluate it on all labelled splits, and write a report."""
    from mmerc.corpora import open_corpus
    from mmerc.corpora.dialogue import HELD_OUT
    from mmerc.corpora.location import add_pack_mapping, split_label_names
    from mmerc.evaluation.folds import make_tables, write_folds_report
    from mmerc.evaluation.report import write_report
    from mmerc.evaluation.tracked_run import track_run
    from mmerc.files import read_json
    from mmerc.fusion import parse_fusion_names
    from mmerc.hardware import is_main_process
    from mmerc.training.folds import FOLDS, train_folds
    from mmerc.training.run import train as run_training

    if fold_by and folds is None:
        raise ConfigError("--fold-by needs --folds: add the number of folds, such as --folds 5.")
    check_exclusive(preset, config)
    compared = parse_fusion_names(fusions)
    location = add_pack_mapping(corpus, mapping or [])
    opened = open_corpus(location, split_label_names(labels) if labels else None)
    checked = load_run_config(opened, preset, config, overrides, modalities)

    def finish(trained: "Corpus") -> None:
        path = write_report(out, trained)
        if checked.trainer.logger != "none":
            track_run(out, checked.trainer.logger)
        print_scored_split(out, ("test", "dev", HELD_OUT))
        errors.print(escape(f"report: {path}\nmodel:  {out / 'model'}"), soft_wrap=True)

    if folds is None:
        run_training(opened, out, checked, seeds=seeds, fusions=compared, on_finish=finish)
        return
    dealt = train_folds(
        opened, out, checked, folds=folds, by=fold_by, seeds=seeds, fusions=compared, on_finish=write_report
    )
    if is_main_process():
        path = write_folds_report(out, dealt)
        print_tables(make_tables(read_json(out / FOLDS)))
        errors.print(escape(f"report: {path}"), soft_wrap=True)


@exit_on_error
def evaluate(
    run: Annotated[
        Path | None, typer.Argument(metavar="RUN", help="the run folder; with --on also a model folder")
    ] = None,
    split: Annotated[str, typer.Option(help="the split of the run's corpus")] = "test",
    on: Annotated[
        str | None,
        typer.Option(metavar="KIND:PATH#SPLIT", help="another labelled corpus; the split is test by default"),
    ] = None,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="also measure every subset of modalities, missing rates and noise")
    ] = False,
    signal: Annotated[
        bool,
        typer.Option(
            "--signal", help="also score the run on degraded sound: noise, reverberation, telephone, MP3, Opus"
        ),
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="also score each group: speaker, corpus, or a column such as gender"),
    ] = None,
    cross: Annotated[
        str | None,
        typer.Option(
            metavar="CORPUS,CORPUS,...",
            help="instead of scoring a RUN, train on each corpus and test on each other one; --out to --seeds are for this",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="the folder for the runs of --cross")] = None,
    preset: PresetOption = None,
    config: ConfigOption = None,
    modalities: ModalitiesOption = None,
    overrides: SetOption = None,
    seeds: SeedsOption = 1,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score a run and print the paper's tables with its numbers; or compare corpora with --cross."""
    from mmerc.evaluation import evaluate as evaluate_run
    from mmerc.evaluation import folds
    from mmerc.evaluation.cross_corpus import make_cross_tables
    from mmerc.threads import set_num_threads
    from mmerc.training.folds import has_folds

    set_num_threads(threads)
    scores = on is not None or robustness or signal or split != "test" or by is not None
    if cross is not None:
        if run is not None or scores or out is None:
            raise ConfigError("--cross needs --out DIR, and no RUN, --split, --on, --by, --robustness or --signal.")
        check_exclusive(preset, config)
        result = _evaluate_cross(cross, out, preset, config, overrides, modalities, seeds)
        print(json.dumps(result)) if as_json else print_tables(make_cross_tables(result))
        return
    if any((out, preset, config, modalities, overrides, seeds != 1)):
        raise ConfigError("--out and settings of training are for --cross: give it the corpora, or leave them out.")
    if run is None:
        raise ConfigError("nothing to score: give a run folder, or corpora with --cross.")
    if has_folds(run):
        if scores:
            raise ConfigError(f"{run} holds folds: give one of them, such as {run / 'fold-0'}, for these options.")
        result = folds.evaluate_folds(run)
        print(json.dumps(result)) if as_json else print_tables(folds.make_tables(result))
        return
    if on is not None and (signal or split != "test"):
        raise ConfigError("--on cannot be combined with --split or --signal: write the split as KIND:PATH#SPLIT.")
    result = (
        _evaluate_on(run, on, robustness, by)
        if on is not None
        else evaluate_run(run, split, robustness=robustness, signal=signal, by=by)
    )
    if as_json:
        print(json.dumps(result))
    else:
        print_result(result, make_tables=True)


def _evaluate_on(run: Path, location: str, robustness: bool, by: str | None) -> dict[str, Any]:
    from mmerc.evaluation.external import evaluate_on
    from mmerc.inference.inputs import open_corpus_and_split
    from mmerc.progress import show_log, show_progress

    show_log()
    corpus, split = open_corpus_and_split(location)
    with show_progress("predicting", 1) as progress:
        return evaluate_on(run, corpus, split or "test", robustness=robustness, by=by, on_progress=progress)


def _evaluate_cross(
    locations: str,
    out: Path,
    preset: str | None,
    config: Path | None,
    overrides: list[str] | None,
    modalities: str | None,
    seeds: int,
) -> dict[str, Any]:
    from mmerc.corpora import READERS, open_corpus
    from mmerc.corpora.location import split_locations
    from mmerc.evaluation.cross_corpus import evaluate_cross

    corpora = [open_corpus(location.strip()) for location in split_locations(locations, READERS, separator=",")]
    return evaluate_cross(
        corpora, out, lambda corpus: load_run_config(corpus, preset, config, overrides, modalities), seeds=seeds
    )


@exit_on_error
def report(run: Annotated[Path, typer.Argument(metavar="RUN", help="the run folder")]) -> None:
    """Write a report with tables and figures as one HTML file, and print its path."""
    from mmerc.evaluation.folds import write_folds_report
    from mmerc.evaluation.report import write_report
    from mmerc.training.folds import has_folds

    print(write_folds_report(run) if has_folds(run) else write_report(run))
