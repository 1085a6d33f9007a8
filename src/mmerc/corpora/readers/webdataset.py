"""`wds:FOLDER` or `wds:FILE.tar`: shards of WebDataset, tar files in which the files of an utterance have one name and several endings.

| ending | what it is |
|---|---|
| of sound or video, such as `.wav` or `.mp4` | the clip |
| `.txt` | the words |
| `.cls` | the emotion |
| `.json` | an object with further columns, as in `table:` or with the usual names of a data set (see `mmerc.corpora.readers.roles`) |

The split is in the name of the shard or of its folder. Without a dialogue in the JSON, each utterance is a dialogue.
"""

import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path, PurePosixPath

from mmerc.corpora.dialogue import Corpus, Problem
from mmerc.corpora.embedded import extract_once, guess_suffix
from mmerc.corpora.paths import FileFinder, explain_unreadable
from mmerc.corpora.readers.roles import complete_ids, find_split, name_columns
from mmerc.corpora.readers.rows import TableRow
from mmerc.corpora.readers.table import build_table
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError

TEXTS = {"txt": "text", "cls": "emotion"}
LARGEST_TEXT = 1 << 20  # bytes of a text or of JSON


def read_webdataset(path: Path, labels: LabelSet | None = None) -> Corpus:
    """Read the tar files of a folder, or one tar file.

    Raises:
        CorpusError: there is no tar file, or one cannot be read, or it has no utterance.
    """
    shards = sorted(path.rglob("*.tar")) if path.is_dir() else [path]
    if not shards:
        raise CorpusError(f"{path} has no tar file: give the folder of the shards.")
    problems: list[Problem] = []
    rows: list[TableRow] = []
    for shard in shards:
        rows += _read_shard(shard, path, problems)
    # Each clip is in the cache, under a name that the tar file does not choose.
    return build_table(path.stem, rows, problems, FileFinder(Path("/")), labels, where=path.name)


def split_name(member: str) -> tuple[str, str]:
    """The name of an utterance and the ending of a file: the name ends at the first dot of the last part, as in WebDataset.

    >>> split_name("a/b.c/0001.seg.wav")
    ('a/b.c/0001', 'seg.wav')
    """
    folder, file = PurePosixPath(member).parent, PurePosixPath(member).name
    name, _, ending = file.partition(".")
    return str(folder / name), ending.lower()


def _read_shard(shard: Path, folder: Path, problems: list[Problem]) -> Iterator[TableRow]:
    split, turns = find_split(shard, folder), Counter[str]()
    try:
        with extract_once(shard) as (media, temporary), tarfile.open(shard, "r:*") as archive:
            files = (member for member in archive if member.isfile())
            groups = groupby(files, key=lambda member: split_name(member.name)[0])
            for number, (name, members) in enumerate(groups, start=1):
                row = {"split": split, "speaker": "", "text": ""}
                for member in members:
                    ending = split_name(member.name)[1]
                    suffix = guess_suffix(member.name, b"")
                    if suffix:
                        row["clip"] = str(media / f"{number}{suffix}")
                        if temporary is not None:
                            (temporary / f"{number}{suffix}").write_bytes(_read(archive, member))
                    elif ending in (*TEXTS, "json"):
                        where = f"{shard.name} {name}"
                        text = _read_text(archive, member, where, problems)
                        row |= {TEXTS[ending]: text} if ending in TEXTS else _read_json(text, shard, where, problems)
                complete_ids(row, name, turns)
                yield TableRow(number, row)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise CorpusError(explain_unreadable(shard, error)) from error


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return stream.read() if stream is not None else b""


def _read_text(archive: tarfile.TarFile, member: tarfile.TarInfo, where: str, problems: list[Problem]) -> str:
    if member.size > LARGEST_TEXT:
        problems.append(Problem("row", where, f"{member.name} has more than {LARGEST_TEXT:,} bytes; not read"))
        return ""
    return _read(archive, member).decode("utf-8", errors="replace").strip()


def _read_json(text: str, shard: Path, where: str, problems: list[Problem]) -> dict[str, str]:
    """The single values of an object, under the names of the columns of `table:`."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        problems.append(Problem("row", where, "its JSON is no object; not read"))
        return {}
    single = {name: value for name, value in values.items() if not isinstance(value, list | dict) and value is not None}
    names = name_columns(list(single), {}, shard)
    # A clip in the JSON is a path of another machine.
    return {role: str(single[name]).strip() for name, role in names.items() if role != "clip"}
