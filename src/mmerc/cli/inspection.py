"""The command `inspect`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mmerc.cli.options import JsonOption
from mmerc.terminal import console, exit_on_error, print_report


@exit_on_error
def inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="recordings and transcripts")],
    as_json: JsonOption = False,
) -> None:
    """Show what recordings and transcripts contain, and how mmerc reads them."""
    from mmerc.inference.inspection import inspect_file

    reports = [inspect_file(file) for file in files]
    if as_json:
        print(json.dumps([asdict(report) for report in reports], ensure_ascii=False))
        return
    for report in reports:
        print_report(console, report)
