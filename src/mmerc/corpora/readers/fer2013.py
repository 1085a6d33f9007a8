"""`fer2013:FOLDER`: 48x48 grey faces with emotions (Goodfellow et al. 2013), to train a face network on single pictures.

Parquet files with the columns `image` (JPEG or PNG), `label` and `name`: `train.parquet`, `validation.parquet` (the
public test), `test.parquet` (the private test). A file is a dialogue, a picture is an utterance with the name in the file;
the picture is the utterance's signal `face`.
"""

from pathlib import Path

from mmerc.corpora.build import build_corpus
from mmerc.corpora.dialogue import Corpus, Utterance
from mmerc.corpora.paths import explain_unreadable
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError

SPLITS = {"train": "train", "validation": "dev", "test": "test"}  # file -> split
COLUMNS = ("image", "name")


def read_fer2013(folder: Path, labels: LabelSet | None = None) -> Corpus:
    """Read the files that exist. Without the column `label` a split is one to predict.

    Raises:
        CorpusError: there is no file, or one of them is not a Parquet file or lacks a column.
    """
    utterances: list[Utterance] = []
    for stem, split in SPLITS.items():
        file = folder / f"{stem}.parquet"
        if not file.is_file():
            continue
        for number, row in enumerate(_read_parquet(file)):
            name, label, image = str(row.get("name") or number), row.get("label"), row["image"]
            utterances.append(
                Utterance(
                    split,
                    stem,
                    name,
                    emotion=None if label is None else str(label),
                    source="fer2013",
                    signals={"face": image} if isinstance(image, bytes) and image else {},
                )
            )
    if not utterances:
        files = ", ".join(f"{stem}.parquet" for stem in SPLITS)
        raise CorpusError(f"{folder} has no picture in {files}: give the folder of FER-2013.")
    return build_corpus("FER-2013", utterances, [], labels)


def _read_parquet(file: Path) -> list[dict[str, object]]:
    import pyarrow as pa  # imported here: prediction needs no Parquet
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
        rows = list(table.to_pylist())
    except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
        raise CorpusError(explain_unreadable(file, error)) from error
    absent = [column for column in COLUMNS if column not in table.column_names]
    if absent:
        raise CorpusError(f"{file} has no column {', '.join(absent)}: it needs image, name and (to train) label.")
    return rows
