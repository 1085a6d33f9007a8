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


COMMANDS = {  # by their group in --help
    "Train": (training.demo, training.train, search.tune, combining.combine, combining.build),
    "Evaluate": (training.evaluate, training.report),
    "Use a model": (inference.predict, serving.serve, engines.extract, inference.export, publishing.push),
}
for group, commands in COMMANDS.items():
    for command in commands:
        app.command(rich_help_panel=group)(command)
app.command(rich_help_panel="Data and weights")(inspection.inspect)
app.add_typer(corpora.app, name="corpus", rich_help_panel="Data and weights")
app.add_typer(weights.app, name="weights", rich_help_panel="Data and weights")
