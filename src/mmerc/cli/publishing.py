"""The command push."""

from pathlib import Path
from typing import Annotated

import typer

from mmerc.terminal import exit_on_error


@exit_on_error
def push(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="a model folder, such as RUN/model")],
    name: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="the repository on the Hugging Face hub")],
    licence: Annotated[
        str, typer.Option(metavar="ID", help="licence of the model as the hub names it, such as cc-by-nc-sa-4.0")
    ] = "other",
    metrics: Annotated[
        Path | None, typer.Option(metavar="FILE", help="metrics.json for the card; by default that of the run")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="create a private repository")] = False,
) -> None:
    """Upload a model to the Hugging Face hub with a model card, and print its address."""
    from mmerc.model.publishing import push_model

    print(push_model(model, name, metrics=metrics, licence=licence, private=private))
