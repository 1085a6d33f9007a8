"""A page with the predictions of a recording: a timeline for each speaker, probabilities, a table, downloads.

The page is one file that a browser opens without a server.
"""

import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from urllib.parse import quote

import jinja2

from mmerc.corpora.dialogue import replace_surrogates
from mmerc.emotions import LabelSet
from mmerc.files import write_text
from mmerc.inference.export.rows import Subkeys
from mmerc.model.prediction import FORMULA, Prediction, describe_origin, list_columns


def write_timeline(
    file: Path,
    predictions: Sequence[Prediction],
    labels: LabelSet,
    recording: Path | None = None,
    *,
    subkeys: Subkeys | None = None,
) -> None:
    """Write the page.

    Args:
        file: the HTML file.
        predictions: the rows, of one or several dialogues.
        labels: the labels of the model; each has a colour and a column.
        recording: the file that all utterances are parts of. The page refers to it by a relative path; it is not copied.
        subkeys: see `list_columns`; by default the labels under `probabilities`.
    """
    environment = jinja2.Environment(autoescape=True, trim_blocks=True)
    environment.policies["json.dumps_kwargs"] = {}  # the default sorts keys, and the order of fields has a meaning
    rows = [prediction.to_dict() for prediction in predictions]
    columns = list_columns(rows, subkeys or {"probabilities": labels.names})
    html = environment.from_string(read_part("timeline.html")).render(
        title=replace_surrogates(recording.name) if recording else "Conversations",
        summary=_summarise(predictions),
        models=sorted(
            {
                (describe_origin(each.model, each.trained_on), each.warning or "")
                for each in predictions
                if each.trained_on
            }
        ),
        media=_make_relative_url(recording, file) if recording else "",
        style=read_part("timeline.css"),
        script=read_part("timeline.js"),
        data={
            "rows": rows,
            "columns": [column.to_dict() for column in columns],
            "formula": FORMULA.pattern,
            "colours": labels.colours(),
            "labels": labels.names,
        },
    )
    write_text(file, html)


def read_part(name: str) -> str:
    """A file of the page: `timeline.html`, `timeline.css` or `timeline.js`."""
    return (resources.files("mmerc.inference.export") / name).read_text(encoding="utf-8")


def _summarise(predictions: Sequence[Prediction]) -> str:
    count = len(predictions)
    speakers = len({(each.split, each.dialogue, each.speaker) for each in predictions if each.speaker})
    return f"{count} utterance{'' if count == 1 else 's'}{f' of {speakers} speakers' if speakers > 1 else ''}."


def _make_relative_url(recording: Path, page: Path) -> str:
    return quote(os.fsencode(os.path.relpath(recording.resolve(), page.parent.resolve())))
