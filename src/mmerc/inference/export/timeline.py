"""A page with the predictions of a recording: waveform, a timeline for each speaker, a table, corrections, downloads.

The page is one file that a browser opens without a server and without a network.
"""

import os
import re
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import jinja2

from mmerc.addresses import RemotePath
from mmerc.corpora.dialogue import replace_surrogates
from mmerc.emotions import LabelSet
from mmerc.errors import MissingModality
from mmerc.files import write_text
from mmerc.inference.export.document import Document, link_recording
from mmerc.inference.export.peaks import compute_peaks
from mmerc.media.inspection import inspect_media
from mmerc.model.prediction import FORMULA, Column, describe_origin, list_columns

# The modules of the page, each after those that it imports.
MODULES = (
    "dom", "evidence", "detail", "csv", "agreement", "corrections", "scale", "waveform", "series", "blocks", "player", "tracks", "table",
    "summary", "filter", "editor", "timeline",
)  # fmt: skip
# Of a row of the series.
SERIES_FIELDS = {"split", "dialogue", "speaker", "start", "end", "probabilities", "modalities"}
IMPORT = re.compile(r'^import \{[^}]*\} from "\./\w+\.js";\n', re.MULTILINE)


class Media(NamedTuple):
    """What the page plays. `tag`: `video` or `audio`. `peaks`: the waveform; None, with the reason in `no_sound`, without one."""

    url: str
    tag: str
    peaks: dict[str, Any] | None
    no_sound: str


def write_timeline(file: Path, document: Document) -> None:
    """Write the page.

    Args:
        file: the HTML file.
        document: the predictions, of one or several dialogues, with the labels of the model. The page refers to the recording
            by a relative path; it is not copied.
    """
    environment = jinja2.Environment(autoescape=True, trim_blocks=True)
    environment.policies["json.dumps_kwargs"] = {}  # the default sorts keys, and the order of fields has a meaning
    recording, predictions, labels = document.recording, document.predictions, LabelSet(document.labels)
    media = _describe_media(recording, file) if recording else None
    rows = document.rows
    columns = list_columns(rows, document.subkeys or {"probabilities": labels.names})
    names = {column.name for column in columns}
    columns += [Column(name, (name,)) for name in document.provenance.to_dict() if name not in names]
    html = environment.from_string(read_part("page.html")).render(
        title=replace_surrogates(recording.name) if recording else "Conversations",
        summary=_summarise(document),
        models=sorted(
            {
                (describe_origin(each.model, each.trained_on), each.warning or "")
                for each in predictions
                if each.trained_on
            }
        ),
        provenance=document.provenance.to_text(),
        media=media,
        style=read_part("page.css"),
        script=make_script(),
        data={
            "rows": rows,
            "columns": [column.to_dict() for column in columns],
            "formula": FORMULA.pattern,
            "colours": labels.colours(),
            "labels": labels.names,
            "recording": replace_surrogates(recording.name) if recording else "",
            "peaks": media.peaks if media else None,
            "series": [each.model_dump(include=SERIES_FIELDS) for each in document.series or ()],
        },
    )
    write_text(file, html)


def make_script() -> str:
    """The modules of the page as one classic script: browsers load no modules from a file of the disk."""
    parts = [IMPORT.sub("", read_part(f"{name}.js")).replace("\nexport ", "\n") for name in MODULES]
    return '"use strict";\n' + "\n".join(part.removeprefix("export ") for part in parts)


def read_part(name: str) -> str:
    """A file of the page: `page.html`, `page.css` or one of its modules."""
    return (resources.files("mmerc.inference.export") / "page" / name).read_text(encoding="utf-8")


def _summarise(document: Document) -> str:
    count = len(document.predictions)
    speakers = document.num_speakers
    return f"{count} utterance{'' if count == 1 else 's'}{f' of {speakers} speakers' if speakers > 1 else ''}."


def _describe_media(recording: Path, page: Path) -> Media:
    link = link_recording(recording, page)
    url = link if isinstance(recording, RemotePath) else quote(os.fsencode(link))
    try:
        kinds = {track.kind for track in inspect_media(recording).tracks}
    except MissingModality:  # the browser may still be able to play it, and says so if not
        kinds = {"video"}
    try:
        return Media(url, "video" if "video" in kinds else "audio", compute_peaks(recording).to_dict(), "")
    except MissingModality as error:
        return Media(url, "video" if "video" in kinds else "audio", None, str(error))
