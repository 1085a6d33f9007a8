"""`lhotse:FOLDER` or `lhotse:FILE`: manifests of lhotse, JSONL files of cuts, or of recordings and supervisions, also as `.jsonl.gz`.

Format: lhotse.readthedocs.io. A supervision is an utterance and a recording is a dialogue. The emotion is a field of the supervision,
usually in its `custom`: the usual names are known, and `?emotion=FIELD` gives another one. Audio files are below FOLDER.
"""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mmerc.corpora.dialogue import Corpus, Problem
from mmerc.corpora.paths import FileFinder, explain_unreadable
from mmerc.corpora.readers.roles import check_roles, find_split, name_columns
from mmerc.corpora.readers.rows import TableRow
from mmerc.corpora.readers.table import build_table
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError

ENDINGS = (".jsonl", ".jsonl.gz")
LARGEST_LINE = 1 << 24  # bytes of a cut with all its supervisions
# Fields of a supervision that say where it is, and fields that are no single value.
STRUCTURE = {"id", "recording_id", "start", "duration", "channel", "custom", "alignment"}
HARMLESS = {"Resample"}  # transforms that change neither what is said nor when

Item = Mapping[str, Any]


class Supervision(NamedTuple):
    """The fields of a supervision and of the `custom` of it and of its cut; its channel; its times in the recording, in seconds."""

    fields: Item
    channel: Any
    start: float
    end: float


@dataclass
class Manifests:
    """What the manifests hold: recordings by their ids, and supervisions by split, recording and id."""

    recordings: dict[str, Item] = field(default_factory=dict)
    supervisions: dict[tuple[str, str, str], Supervision] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_lhotse(path: Path, labels: LabelSet | None = None, parameters: Mapping[str, str] | None = None) -> Corpus:
    """Read the manifests of a folder, at any depth, or one manifest. The split is in the name of the file or of its folder.

    A supervision in several cuts is one utterance. Of a mixed cut, the utterances of its tracks are read, without the mix. A cut
    whose recording is changed, such as in speed, is a problem. `parameters`: the field of a role (see `roles.ROLES`).

    Raises:
        CorpusError: there is no manifest, one cannot be read, no supervision has a field of `parameters`, or there is no utterance.
    """
    mapping = check_roles(parameters or {})
    folder = path if path.is_dir() else path.parent
    files = sorted(file for file in path.rglob("*.jsonl*") if file.name.endswith(ENDINGS)) if path.is_dir() else [path]
    if not files:
        raise CorpusError(f"{path} has no .jsonl or .jsonl.gz file: give the folder of the manifests and the audio.")
    found = Manifests()
    for file in files:
        _read_manifest(file, find_split(file, folder), found)
    for name in mapping.values():
        if found.supervisions and not any(name in each.fields for each in found.supervisions.values()):
            raise CorpusError(f"{path}: no supervision has the field {name}: check its name in the manifest.")
    rows = list(_make_rows(found, mapping))
    return build_table(path.name.partition(".")[0], rows, found.problems, FileFinder(folder), labels, where=path.name)


def _read_manifest(file: Path, split: str, found: Manifests) -> None:
    changed = 0
    for number, item in _read_items(file, found.problems):
        if "sources" in item:
            found.recordings.setdefault(str(item.get("id")), item)
        elif "recording_id" in item and "storage_path" not in item:
            _add_supervision(item, 0.0, {}, split, f"{file.name} line {number}", found)
        else:
            for cut in _list_tracks(item):
                recording = cut.get("recording")
                if isinstance(recording, dict):
                    if any(name not in HARMLESS for name in _name_transforms(recording)):
                        changed += 1
                        continue
                    found.recordings.setdefault(str(recording.get("id")), recording)
                for supervision in _as_list(cut.get("supervisions")):
                    where = f"{file.name} line {number}"
                    _add_supervision(supervision, cut.get("start"), cut.get("custom") or {}, split, where, found)
    if changed:
        what = f"the audio of {changed} cuts is changed by lhotse when it is read, such as in speed: they are left out"
        found.problems.append(Problem("clip", file.name, what))


def _read_items(file: Path, problems: list[Problem]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The number and the object of each line."""
    try:
        with file.open("rb") as raw:
            stream = gzip.GzipFile(fileobj=raw) if file.name.endswith(".gz") else raw
            number = 0
            while line := stream.readline(LARGEST_LINE):
                number += 1
                if len(line) == LARGEST_LINE:
                    raise CorpusError(
                        f"{file} line {number} has more than {LARGEST_LINE:,} bytes: give a manifest with one item in a line."
                    )
                try:
                    item = json.loads(line) if line.strip() else {}
                except (ValueError, RecursionError):
                    item = None
                if isinstance(item, dict):
                    yield number, item
                else:
                    problems.append(Problem("row", f"{file.name} line {number}", "is no JSON object; skipped"))
    except (OSError, EOFError, zlib.error) as error:
        raise CorpusError(explain_unreadable(file, error)) from error


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _list_tracks(cut: Item) -> list[Item]:
    """The cut itself, or the cuts that are mixed in it."""
    if "tracks" not in cut:
        return [cut]
    cuts = [track.get("cut") for track in _as_list(cut["tracks"]) if isinstance(track, dict)]
    return [each for each in cuts if isinstance(each, dict)]


def _name_transforms(recording: Item) -> list[str]:
    transforms = _as_list(recording.get("transforms"))
    return [str(each.get("name")) if isinstance(each, dict) else str(each) for each in transforms]


def _add_supervision(item: Any, offset: Any, custom: Any, split: str, where: str, found: Manifests) -> None:
    """Add a supervision whose times are relative to `offset` in its recording."""
    try:
        start = max(0.0, float(offset or 0) + float(item["start"]))
        end = float(offset or 0) + float(item["start"]) + float(item["duration"])
        key = split, str(item["recording_id"]), str(item["id"])
    except (KeyError, TypeError, ValueError):
        found.problems.append(
            Problem("row", where, "a supervision has no id, recording_id, start or duration; skipped")
        )
        return
    own = item.get("custom") or {}
    fields = {**(custom if isinstance(custom, dict) else {}), **item, **(own if isinstance(own, dict) else {})}
    found.supervisions.setdefault(key, Supervision(fields, item.get("channel"), start, end))


def _make_rows(found: Manifests, mapping: Mapping[str, str]) -> Iterator[TableRow]:
    """The utterances in the columns of `table:`; those of a recording are together, in the order in which they begin."""
    order: dict[tuple[str, str], int] = {}
    for split, recording, _ in found.supervisions:
        order.setdefault((split, recording), len(order))
    keys = sorted(found.supervisions, key=lambda key: (order[key[:2]], found.supervisions[key].start))
    sources: dict[tuple[str, str], str] = {}
    for number, (split, recording, name) in enumerate(keys, start=1):
        supervision = found.supervisions[split, recording, name]
        channel = recording, str(supervision.channel)
        if channel not in sources:
            sources[channel] = _find_source(recording, supervision.channel, found)
        row = {"split": split, "dialogue": recording, "utterance": name, "speaker": "", "text": ""}
        row |= _name_columns(supervision.fields, mapping)
        row |= {"start": f"{supervision.start:.6f}", "end": f"{supervision.end:.6f}", "clip": sources[channel]}
        yield TableRow(number, row | {"clip_start": row["start"], "clip_end": row["end"]})


def _name_columns(fields: Item, mapping: Mapping[str, str]) -> dict[str, str]:
    """The single values of a supervision under the names of the columns of `table:`."""
    values = {
        name: str(value).strip()
        for name, value in fields.items()
        if name not in STRUCTURE and value is not None and not isinstance(value, list | dict)
    }
    given = {role: name for role, name in mapping.items() if name in values}
    names = name_columns(list(values), given, "")
    # The clip is that of the recording, and the id that of the supervision, whatever another field is called.
    closed = {"clip", "utterance", *mapping} - given.keys()
    return {role: values[name] for name, role in names.items() if role not in closed}


def _find_source(recording: str, channel: Any, found: Manifests) -> str:
    """The path of the file that has the channel of a recording; empty where there is none, which is a problem."""
    if not found.recordings:
        return ""
    channels = channel if isinstance(channel, list) else [channel]
    sources = [each for each in _as_list(found.recordings.get(recording, {}).get("sources")) if isinstance(each, dict)]
    fitting = [each for each in sources if any(one in _as_list(each.get("channels")) for one in channels)] or sources
    if not fitting:
        found.problems.append(Problem("clip", recording, "no manifest has the file of this recording"))
    elif fitting[0].get("type") != "file":
        what = f"its audio is of the type {str(fitting[0].get('type'))[:40]} and not a file; not opened"
        found.problems.append(Problem("clip", recording, what))
    else:
        return str(fitting[0].get("source") or "")
    return ""
