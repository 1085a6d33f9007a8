"""The Typer application: all commands in one place."""

from typing import Annotated

import typer

from mmerc import __version__
from mmerc.cli import combining, corpora, engines, inference, inspection, publishing, search, serving, training, weights

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Predict the emotion expressed in each utterance of a conversation, from text, audio and face.",
)


def _print_version(wanted: bool) -> bool:
    if wanted:
        print(f"mmerc {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before a command."""


app.command()(training.demo)
app.command()(training.train)
app.command()(search.tune)
app.command()(training.evaluate)
app.command()(training.report)
app.command()(combining.combine)
app.command()(combining.build)
app.command()(inference.predict)
app.command()(engines.extract)
app.command()(inference.export)
app.command()(publishing.push)
app.command()(inspection.inspect)
app.command()(serving.serve)
app.add_typer(corpora.app, name="corpus")
app.add_typer(weights.app, name="weights")
