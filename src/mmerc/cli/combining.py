"""Commands that make a model from networks that were trained apart: combine, build."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mmerc.cli.options import JsonOption, OutModelOption, PresetOption, SetOption
from mmerc.terminal import console, exit_on_error, print_build, print_combination

PriorOption = Annotated[
    str,
    typer.Option(help="how often each label is expected: uniform, meld, or as in a labelled corpus KIND:PATH#SPLIT"),
]


@exit_on_error
def combine(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="model folders, or OWNER/NAME on the hub; MODEL#text,audio takes some of a model's modalities",
        ),
    ],
    out: OutModelOption,
    prior: PriorOption = "uniform",
    tune: Annotated[
        str | None,
        typer.Option(
            metavar="KIND:PATH#SPLIT",
            help="fit the weights of the modalities to this labelled corpus, which has them together",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make one model from networks that were trained apart, each on a corpus of its own."""
    from mmerc.model.combine import combine as combine_models
    from mmerc.progress import show_log

    show_log()
    info = combine_models(models, out, prior=prior, tune_on=tune)
    if as_json:
        print(json.dumps({"folder": str(out), **info}))
    else:
        print_combination(console, out, info)


@exit_on_error
def build(
    corpora: Annotated[
        Path, typer.Option(metavar="DIR", help="a folder with corpora, such as DIR/meld, DIR/ravdess and DIR/fer2013")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="the folder to write; the model is in DIR/model")],
    preset: PresetOption = "base",
    overrides: SetOption = None,
    prior: PriorOption = "meld",
    as_json: JsonOption = False,
) -> None:
    """Train a network for each of text, voice and face on the corpora in a folder, and combine them into one model.

    The same command continues a build that was stopped.
    """
    from mmerc.build import build as build_model

    info = build_model(corpora, out, preset=preset or "base", overrides=overrides or [], prior=prior)
    if as_json:
        print(json.dumps({"folder": str(out / "model"), **info}))
    else:
        print_build(console, out / "model", info)
