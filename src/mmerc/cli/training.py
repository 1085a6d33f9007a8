"""Commands around training: demo, train, evaluate, report."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from mmerc.cli.options import CorpusArgument, JsonOption, LabelsOption, SetOption
from mmerc.errors import ConfigError
from mmerc.terminal import errors, exit_on_error, print_result, print_scored_split


@exit_on_error
def demo(
    out: Annotated[Path, typer.Option(help="folder for the corpus and the run")] = Path("demo-run"),
    seeds: Annotated[int, typer.Option(min=1, help="number of seeds")] = 3,
) -> None:
    """Make a small corpus of synthetic video clips, train on it, evaluate the model and write a report."""
    train(f"synthetic:{out / 'corpus'}", out / "run", preset="demo", seeds=seeds)


@exit_on_error
def train(
    corpus: CorpusArgument,
    out: Annotated[Path, typer.Option(help="the run folder; the same command continues a run that was stopped")],
    preset: Annotated[str | None, typer.Option(help="compact (default), base, paper, demo or smoke")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="a YAML file instead of a preset")] = None,
    modalities: Annotated[str | None, typer.Option(help="the modalities to use, such as text,audio")] = None,
    overrides: SetOption = None,
    seeds: Annotated[int, typer.Option(min=1, help="number of seeds")] = 1,
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
) -> None:
    """Train a model on a corpus, evaluate it on all labelled splits, and write a report."""
    if preset and config:
        raise ConfigError("--preset and --config exclude each other: give one of them.")
    from mmerc.corpora import Corpus, open_corpus
    from mmerc.corpora.dialogue import HELD_OUT
    from mmerc.corpora.location import add_label_set, add_pack_mapping
    from mmerc.evaluation.report import write_report
    from mmerc.fusion import parse_fusion_names
    from mmerc.training import load_config
    from mmerc.training import train as run_training

    names = [name.strip() for name in modalities.split(",")] if modalities is not None else None
    compared = parse_fusion_names(fusions)
    location = add_pack_mapping(corpus, mapping or [])
    opened = open_corpus(add_label_set(location, labels) if labels else location)
    checked = load_config(preset, config, overrides or [], modalities=names, corpus=opened)

    def finish(trained: Corpus) -> None:
        path = write_report(out, trained)
        print_scored_split(out, ("test", "dev", HELD_OUT))
        errors.print(escape(f"report: {path}\nmodel:  {out / 'model'}"), soft_wrap=True)

    run_training(opened, out, checked, seeds=seeds, fusions=compared, on_finish=finish)


@exit_on_error
def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="the run folder; with --on also a model folder")],
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
        typer.Option("--signal", help="also score it on degraded sound: noise, reverberation, telephone, MP3, Opus"),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Score a run and print the paper's tables with its numbers."""
    from mmerc.evaluation import evaluate as evaluate_run
    from mmerc.evaluation.external import evaluate_on
    from mmerc.inference.inputs import open_corpus_and_split
    from mmerc.progress import show_log, show_progress

    if on is not None:
        if robustness or signal or split != "test":
            raise ConfigError(
                "--on cannot be combined with --split, --robustness or --signal: write the split as KIND:PATH#SPLIT."
            )
        show_log()
        corpus, other_split = open_corpus_and_split(on)
        with show_progress("predicting", 1) as progress:
            result = evaluate_on(run, corpus, other_split or "test", on_progress=progress)
    else:
        result = evaluate_run(run, split, robustness=robustness, signal=signal)
    if as_json:
        print(json.dumps(result))
    else:
        print_result(result, make_tables=True)


@exit_on_error
def report(run: Annotated[Path, typer.Argument(metavar="RUN", help="the run folder")]) -> None:
    """Write a report with tables and figures as one HTML file, and print its path."""
    from mmerc.evaluation.report import write_report

    print(write_report(run))
