"""Commands around corpora: corpus check, corpus fetch."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from mmerc.cli.options import CorpusArgument, JsonOption, LabelsOption
from mmerc.errors import ConfigError
from mmerc.terminal import console, exit_on_error, print_statistics

if TYPE_CHECKING:
    from mmerc.corpora.download import PublishedCorpus

app = typer.Typer(no_args_is_help=True, help="Fetch corpora, and inspect one before training on it.")


@app.command("check")
@exit_on_error
def check(
    corpus: CorpusArgument,
    labels: LabelsOption = None,
    leaks: Annotated[
        bool, typer.Option("--leaks", help="also find speakers, texts, times, sound and pictures that splits share")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Count utterances by split and label, and list every broken row and clip."""
    from mmerc.corpora import open_corpus
    from mmerc.corpora.location import split_label_names
    from mmerc.corpora.statistics import count_corpus
    from mmerc.media.inspection import check_clips
    from mmerc.media.leaks import find_leaks
    from mmerc.progress import show_progress

    opened = open_corpus(corpus, split_label_names(labels) if labels else None)
    counted = count_corpus(opened)
    with show_progress("clips", sum(split["clips"] for split in counted["splits"].values())) as progress:
        checked = check_clips(opened, progress)
    counted["problems"] += [vars(problem) for problem in checked.problems]
    counted["absent"] = list(checked.absent)
    if leaks:
        with show_progress("leaks", sum(split["clips"] for split in counted["splits"].values())) as progress:
            counted["leaks"] = [asdict(leak) for leak in find_leaks(opened, progress)]
    if as_json:
        print(json.dumps(counted))
    else:
        print_statistics(counted)


@app.command("fetch")
@exit_on_error
def fetch_corpora(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="names of corpora; without one, the catalogue is shown"),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="the folder of the corpora; each gets a folder with its name")
    ] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="accept the licences that are shown without this option")
    ] = False,
) -> None:
    """Download published corpora and unpack them into the folders that mmerc reads. Prints the KIND:PATH of each."""
    from mmerc.corpora.download import CATALOGUE, fetch_corpus, get_entry, is_fetched, require_source
    from mmerc.progress import show_log

    show_log()
    if not names:
        _print_catalogue(list(CATALOGUE.values()))
        return
    entries = [get_entry(name) for name in dict.fromkeys(names)]
    if to is None:
        raise ConfigError("the folder for the corpora is not given: add --to DIR.")
    new = [entry for entry in entries if not is_fetched(entry, to)]
    for entry in new:
        require_source(entry)
    if new and not accept_licence:
        for entry in new:
            _print_entry(entry)
        raise ConfigError("the licence is not accepted yet: read it, and run the command again with --accept-licence.")
    for entry in entries:
        print(fetch_corpus(entry, to))


def _print_catalogue(entries: "list[PublishedCorpus]") -> None:
    table = Table("name", "content", "MB", "licence", Column("address, or how to apply", overflow="fold"))
    for entry in entries:
        address = entry.source if entry.has_address else entry.hint
        table.add_row(entry.kind, entry.content, _format_size(entry), entry.licence, address)
    console.print(table)


def _print_entry(entry: "PublishedCorpus") -> None:
    rows = {
        entry.kind: entry.content,
        "source": entry.source,
        "licence": entry.licence,
        "citation": entry.citation,
        "download": f"{_format_size(entry)} MB" if entry.size else "",
        "note": entry.hint,
    }
    for name, value in rows.items():
        if value:
            console.print(f"[bold]{name:<10}[/]{escape(value)}", soft_wrap=True, highlight=False)
    console.print()


def _format_size(entry: "PublishedCorpus") -> str:
    return f"{entry.size / 1e6:,.1f}" if entry.size else "-"
