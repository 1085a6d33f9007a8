"""Commands around public weights: weights list, weights fetch."""

from typing import Annotated

import typer
from rich.table import Table

from mmerc.terminal import console, exit_on_error

app = typer.Typer(no_args_is_help=True, help="List and fetch public weights.")


@app.command("list")
@exit_on_error
def list_weights() -> None:
    """List the public weights, their licences, and which of them are on this machine."""
    from mmerc import weights

    table = Table("name", "content", "licence", "MB", "fetched", "source")
    for entry in weights.CATALOGUE.values():
        fetched = "yes" if weights.find(entry.name) else "no"
        table.add_row(entry.name, entry.description, entry.licence, f"{entry.size / 1e6:.1f}", fetched, entry.source)
    console.print(table)


@app.command("fetch")
@exit_on_error
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="names that `weights list` shows")],
) -> None:
    """Download weights, check their hash, convert them, and print where they are."""
    from mmerc import weights

    for name in names:
        print(weights.fetch(name), flush=True)
