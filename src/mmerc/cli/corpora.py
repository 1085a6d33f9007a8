"""Commands around corpora: corpus check."""

import json

import typer

from mmerc.cli.options import CorpusArgument, JsonOption, LabelsOption
from mmerc.terminal import exit_on_error, print_statistics

app = typer.Typer(no_args_is_help=True, help="Inspect a corpus before training on it.")


@app.command("check")
@exit_on_error
def check(
    corpus: CorpusArgument,
    labels: LabelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count utterances by split and label, and list every broken row and clip."""
    from mmerc.corpora import open_corpus
    from mmerc.corpora.location import split_label_names
    from mmerc.corpora.statistics import count_corpus
    from mmerc.media.inspection import check_clips
    from mmerc.progress import show_progress

    opened = open_corpus(corpus, split_label_names(labels) if labels else None)
    counted = count_corpus(opened)
    with show_progress("clips", sum(split["clips"] for split in counted["splits"].values())) as progress:
        checked = check_clips(opened, progress)
    counted["problems"] += [vars(problem) for problem in checked.problems]
    counted["absent"] = list(checked.absent)
    if as_json:
        print(json.dumps(counted))
    else:
        print_statistics(counted)
