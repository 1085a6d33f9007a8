"""`fer2013:FOLDER`: 48x48 grey faces with emotions (Goodfellow et al. 2013), to train a face network on single pictures.

Parquet files with the columns `image` (JPEG or PNG), `label` and `name`: `train.parquet`, `validation.parquet` (the
public test), `test.parquet` (the private test). A split is a dialogue, a picture an utterance of it, named as in its
file; the picture is the utterance's `face` signal.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mmerc.corpora.dialogue import Corpus, Problem, Utterance, gather
from mmerc.emotions import SEVEN
from mmerc.errors import CorpusError

SPLITS = {"train": "train", "validation": "dev", "test": "test"}  # file -> split
COLUMNS = ("image", "name")


def read_fer2013(folder: Path) -> Corpus:
    """Read whichever files are there; without the column `label` a split is one to predict.

    Raises:
        CorpusError: there is none, or one of them is no Parquet file or lacks a column.
    """
    turns: list[Utterance] = []
    problems: list[Problem] = []
    for stem, split in SPLITS.items():
        file = folder / f"{stem}.parquet"
        if not file.is_file():
            continue
        for number, row in enumerate(_rows(file)):
            name, label = str(row.get("name") or number), row.get("label")
            emotion = None
            if label is not None:
                try:
                    emotion = SEVEN.normalise(str(label))
                except CorpusError:
                    problems.append(Problem("label", f"{file.name} {name}", f'"{str(label)[:40]}" is no emotion'))
            signals = {"face": row["image"]} if isinstance(row["image"], bytes) and row["image"] else {}
            turns.append(Utterance(split, stem, name, emotion=emotion, source="fer2013", signals=signals))
    if not turns:
        raise CorpusError(
            f"{folder} holds no picture in {', '.join(f'{s}.parquet' for s in SPLITS)}: check the folder."
        )
    splits, duplicates = gather(turns)
    return Corpus("FER-2013", SEVEN, splits, tuple(problems + duplicates))


def _rows(file: Path) -> list[dict[str, object]]:
    try:
        table = pq.read_table(file)
    except (OSError, pa.ArrowException) as error:
        raise CorpusError(f"{file} cannot be read ({str(error).splitlines()[0]}): is it whole?") from error
    absent = [column for column in COLUMNS if column not in table.column_names]
    if absent:
        raise CorpusError(f"{file} has no column {', '.join(absent)}: it needs image, name and (to train) label.")
    return list(table.to_pylist())
