"""`hf:FOLDER` or `hf:OWNER/NAME`: a dataset of Hugging Face, in Parquet files, on this machine or on the hub.

Columns are found by their usual names, or given as `?emotion=COLUMN&text=COLUMN`; every column of `table:` is read, too. `ClassLabel`s
get their names. Sound or video is a path inside the folder, or stored in the table (`Audio`, `Video`), as `datasets` writes it. The split
is in the name of the file or folder. Without a dialogue column each row is a dialogue.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

from mmerc.corpora.dialogue import Corpus, Problem
from mmerc.corpora.embedded import extract_once, guess_suffix
from mmerc.corpora.paths import FileFinder, explain_unreadable
from mmerc.corpora.readers.roles import SPLIT, check_roles, complete_ids, find_split, name_columns
from mmerc.corpora.readers.rows import TableRow
from mmerc.corpora.readers.table import build_table
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError, get_first_line

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
CONVERTED = "refs/convert/parquet"  # the branch with Parquet files that the hub makes of each dataset
CONFIG = "config"


def read_huggingface(
    folder: Path, labels: LabelSet | None = None, parameters: Mapping[str, str] | None = None
) -> Corpus:
    """Read the Parquet files of a folder, or of a dataset on the hub, which is downloaded once.

    `parameters`: the column of a role (see `roles.ROLES`), and `config`, the folder of one of several configurations.

    Raises:
        CorpusError: there is no such dataset, it has several configurations, a file or a column cannot be read, or it has no row.
    """
    columns = dict(parameters or {})
    name = folder.name
    if not folder.exists():
        folder = _download(str(folder))
    files = list_files(folder, columns.pop(CONFIG, ""))
    mapping = check_roles(columns)
    rows: list[TableRow] = []
    problems: list[Problem] = []
    for file in files:
        rows += _read_file(file, folder, mapping, problems)
    # `_find_clip` has made sure that each clip is in the dataset or in the cache.
    return build_table(name, rows, problems, FileFinder(Path("/")), labels, where=name)


def list_files(folder: Path, config: str = "") -> list[Path]:
    """The Parquet files of a dataset, or of one of its configurations.

    Raises:
        CorpusError: there is no file, or there are several configurations and none is chosen.
    """
    files = sorted(folder.rglob("*.parquet")) if folder.is_dir() else [folder]
    tops = {file.relative_to(folder).parts[0] for file in files if len(file.relative_to(folder).parts) > 1}
    configs = sorted(top for top in tops if not SPLIT.search(top) and top != "data")
    if config:
        files = [file for file in files if config in file.relative_to(folder).parts[:1]]
    elif len(configs) > 1:
        raise CorpusError(f"{folder} has several configurations: add ?{CONFIG}= and one of {', '.join(configs)[:200]}.")
    if not files:
        raise CorpusError(
            f"{folder} has no Parquet file: give the folder of a dataset of Hugging Face in Parquet files."
        )
    return files


def _read_file(file: Path, folder: Path, mapping: Mapping[str, str], problems: list[Problem]) -> Iterator[TableRow]:
    import pyarrow as pa  # imported here: prediction needs no Parquet
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(file)
        schema = parquet.schema_arrow
        roles = name_columns(schema.names, mapping, file)
        names = _read_class_names(schema)
        split, turns, several = find_split(file, folder), Counter[str](), 0
        with extract_once(file) as (media, temporary):
            number = 0
            for batch in parquet.iter_batches(batch_size=256):
                for record in batch.to_pylist():
                    row = {"split": split, "speaker": "", "text": ""}
                    for column, role in roles.items():
                        value = record[column]
                        if role == "clip":
                            row["clip"], problem = _find_clip(value, folder, media, temporary, number)
                            problems += [Problem("clip", f"{file.name} row {number}", problem)] if problem else []
                        elif isinstance(value, list) and role == "emotion":
                            several += len(value) > 1
                            row[role] = _to_text(value[0], names.get(column)) if len(value) == 1 else ""
                        elif not isinstance(value, list | dict | bytes):
                            row[role] = _to_text(value, names.get(column))
                    complete_ids(row, f"{file.stem}-{number}", turns)
                    number += 1
                    yield TableRow(number, row)
    except (
        pa.ArrowException,
        OSError,
        ValueError,
        OverflowError,
    ) as error:  # of text that is no UTF-8, of impossible times
        raise CorpusError(explain_unreadable(file, error)) from error
    if several:
        problems.append(Problem("label", str(file), f"{several} rows have several labels and are read without a label"))


def _read_class_names(schema: "pa.Schema") -> dict[str, list[str]]:
    """The names of the classes of each column of whole numbers, which `datasets` writes into the schema."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    found = {}
    for column, feature in features.items() if isinstance(features, dict) else ():
        inner = feature.get("feature", feature) if isinstance(feature, dict) else feature
        if isinstance(inner, dict) and isinstance(inner.get("names"), list):
            found[column] = [str(name) for name in inner["names"]]
    return found


def _to_text(value: Any, names: list[str] | None) -> str:
    if value is None:
        return ""
    if names is not None and isinstance(value, int):
        return names[value] if 0 <= value < len(names) else ""
    return str(value).strip()


def _find_clip(value: Any, folder: Path, media: Path, temporary: Path | None, number: int) -> tuple[str, str]:
    """The path of a clip, and what is wrong with it. What the table itself holds is written to the cache."""
    data, name = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (None, value)
    if isinstance(value, bytes):
        data, name = value, ""
    if data:
        target = f"{number}{guess_suffix(str(name or ''), data)}"
        if temporary is not None:
            (temporary / target).write_bytes(data)
        return str(media / target), ""
    if not name:
        return "", ""
    root = (folder if folder.is_dir() else folder.parent).resolve()
    try:
        path = FileFinder(root).find(str(name))
    except (OSError, RuntimeError, ValueError) as error:
        return "", f"{str(name)[:80]} is not a path ({type(error).__name__})"
    if not path.is_relative_to(root):  # a dataset from elsewhere must not read other files of this machine
        return "", f"{str(name)[:80]} is outside {root}; not opened"
    return str(path), ""


def _download(name: str) -> Path:
    if not HUB_ID.fullmatch(name):
        raise CorpusError(f"hf:{name}: there is no such folder, and it is no OWNER/NAME of the hub: check the name.")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, repo_type="dataset", revision=CONVERTED, allow_patterns=["*.parquet"]))
    except (OSError, ValueError) as error:
        raise CorpusError(
            f"hf:{name} is no folder on this machine and cannot be downloaded from the hub ({get_first_line(error)[:120]}): "
            "check its name, or download it on a machine with a network and give its folder."
        ) from error
