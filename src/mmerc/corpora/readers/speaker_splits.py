"""`splits.csv`: the split of each speaker, for corpora of acted speech without published splits.

Columns `speaker` and `split` (train, dev or test). A speaker that it does not name keeps the split of the reader.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

from mmerc.corpora.dialogue import SPLITS, Problem
from mmerc.corpora.readers.ids import parse_split
from mmerc.corpora.readers.rows import read_rows

FILE = "splits.csv"
COLUMNS = ("speaker", "split")


def read_splits(folder: Path) -> tuple[dict[str, str], list[Problem]]:
    """Speaker to split, and the problems; empty without the file.

    Raises:
        CorpusError: the file cannot be read, or lacks a column.
    """
    if not (folder / FILE).is_file():
        return {}, []
    rows, problems = read_rows(folder / FILE, COLUMNS)
    splits = {}
    for row in rows:
        split = parse_split(row["split"])
        if split in SPLITS:
            splits[row["speaker"]] = split
        else:
            what = f'the split "{split}" is not one of {", ".join(SPLITS)}; the speaker keeps the usual split'
            problems.append(Problem("split", f"{FILE} row {row.number}", what))
    return splits, problems


def write_splits(folder: Path, splits: Mapping[str, str]) -> None:
    """Write the file that `read_splits` reads."""
    with (folder / FILE).open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([COLUMNS, *sorted(splits.items())])
