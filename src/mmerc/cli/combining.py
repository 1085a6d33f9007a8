"""The command `combine`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mmerc.cli.options import JsonOption
from mmerc.terminal import console, exit_on_error, print_combination


@exit_on_error
def combine(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="model folders, or OWNER/NAME on the hub; MODEL#text,audio takes some of a model's modalities",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="MODEL", help="the model folder to write")],
    prior: Annotated[
        str,
        typer.Option(
            help="how often each label is expected: uniform, meld, or as in a labelled corpus KIND:PATH#SPLIT"
        ),
    ] = "uniform",
    tune: Annotated[
        str | None,
        typer.Option(
            metavar="KIND:PATH#SPLIT",
            help="fit the weights of the modalities to this labelled corpus, in which they occur together",
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
