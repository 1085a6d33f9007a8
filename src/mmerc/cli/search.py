"""The command tune."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mmerc.cli.options import (
    ConfigOption,
    CorpusArgument,
    JsonOption,
    LabelsOption,
    ModalitiesOption,
    PresetOption,
    SetOption,
)
from mmerc.cli.settings import check_exclusive, load_run_config
from mmerc.terminal import console, exit_on_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmerc.corpora import Corpus
    from mmerc.training.run_config import RunConfig


@exit_on_error
def tune(
    corpus: CorpusArgument,
    space: Annotated[Path, typer.Option(metavar="FILE", help="YAML file: the values of each setting to search")],
    out: Annotated[Path, typer.Option(help="the folder of the search; the same command continues it")],
    trials: Annotated[int, typer.Option(min=1, help="number of trials, of all processes together")] = 20,
    jobs: Annotated[int, typer.Option(min=1, help="processes on this machine")] = 1,
    preset: PresetOption = None,
    config: ConfigOption = None,
    modalities: ModalitiesOption = None,
    overrides: SetOption = None,
    labels: LabelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search for the settings with the best dev score, with Optuna, and write them into OUT/best.yaml. The test split is not used."""
    from mmerc.corpora import open_corpus
    from mmerc.corpora.location import split_label_names
    from mmerc.progress import show_log
    from mmerc.training.search import BEST, read_space, search

    show_log()
    check_exclusive(preset, config)
    opened = open_corpus(corpus, split_label_names(labels) if labels else None)
    make_config = partial(_make_config, opened, preset, config, overrides or [], modalities)
    result = search(opened, out, read_space(space), make_config, trials=trials, jobs=jobs)
    if as_json:
        print(json.dumps(result))
        return
    best = result["best"]
    table = Table("setting", "best value", "importance", title_justify="left")
    for name, value in sorted(best["settings"].items(), key=lambda pair: -result["importances"].get(pair[0], 0.0)):
        importance = result["importances"].get(name)
        table.add_row(escape(name), escape(str(value)), "" if importance is None else f"{100 * importance:.0f} %")
    console.print(table)
    console.print(
        f"trial {best['trial']} of {len(result['trials'])}: dev weighted F1 {100 * best['dev_f1_weighted']:.1f}"
    )
    console.print(
        escape(f"best settings: {out / BEST} (mmerc train {corpus} --config {out / BEST} --out RUN)"), soft_wrap=True
    )


def _make_config(
    corpus: "Corpus",
    preset: str | None,
    file: Path | None,
    given: list[str],
    modalities: str | None,
    overrides: "Sequence[str]",
) -> "RunConfig":
    """Also called in other processes, so it is no inner function."""
    return load_run_config(corpus, preset, file, [*given, *overrides], modalities)
