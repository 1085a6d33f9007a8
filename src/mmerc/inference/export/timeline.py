"""The answers as a page: the recording, a coloured track for each speaker, probabilities, a table; opens from a disk."""

import os
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2

from mmerc.corpora.dialogue import replace_surrogates
from mmerc.emotions import LabelSet
from mmerc.files import write_text


def write_timeline(file: Path, rows: list[dict[str, Any]], labels: LabelSet, recording: Path | None = None) -> None:
    """Write the page. `recording`: the file that all rows are parts of; it is shown where it lies, not copied."""
    page = jinja2.Environment(autoescape=True, trim_blocks=True).from_string(part("timeline.html"))
    speakers = len({(row["split"], row["dialogue"], row["speaker"]) for row in rows if row["speaker"]})
    people = f" of {speakers} speakers" if speakers > 1 else ""
    title = replace_surrogates(recording.name) if recording else "Conversations"
    media = quote(os.fsencode(os.path.relpath(recording.resolve(), file.parent.resolve()))) if recording else ""
    html = page.render(
        title=title,
        summary=f"{len(rows)} utterance{'' if len(rows) == 1 else 's'}{people}.",
        media=media,
        style=part("timeline.css"),
        script=part("timeline.js"),
        data={"rows": rows, "colours": labels.colours(), "labels": list(labels.names)},
    )
    write_text(file, html)


def part(name: str) -> str:
    """A file of the page's: `timeline.html`, `timeline.css` or `timeline.js`."""
    return (resources.files("mmerc.inference.export") / name).read_text(encoding="utf-8")
