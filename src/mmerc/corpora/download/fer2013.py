"""FER-2013: from Kaggle's archive with one CSV file to the Parquet files that the reader reads."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from mmerc.corpora.download.archives import unpack_tar_member
from mmerc.corpora.download.sources import FileSource, RemoteFile
from mmerc.errors import CorpusError

TABLE = "fer2013.csv"  # columns emotion (an index), pixels (48 x 48 numbers from 0 to 255), Usage
LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # of the indices 0 to 6
SPLITS = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}  # Usage -> file
SIDE = 48


def convert_fer2013(source: FileSource, files: Sequence[RemoteFile], folder: Path) -> None:
    """Write `train.parquet`, `validation.parquet` and `test.parquet` with the pictures as PNG.

    Raises:
        CorpusError: the archive or a row of its table is damaged.
    """
    table = folder / TABLE
    unpack_tar_member(source.get(files[0]), TABLE, table)
    rows: dict[str, list[dict[str, object]]] = {stem: [] for stem in SPLITS.values()}
    with table.open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream)):
            try:
                name, label = f"{row['Usage']}_{number:05}.png", LABELS[int(row["emotion"])]
                rows[SPLITS[row["Usage"]]].append({"image": _make_png(row["pixels"]), "label": label, "name": name})
            except (KeyError, ValueError, IndexError, TypeError, AttributeError, OverflowError):
                raise CorpusError(
                    f"{files[0].name}: picture {number} of {TABLE} is damaged: download the archive again."
                ) from None
    table.unlink()
    for stem, pictures in rows.items():
        if pictures:
            pq.write_table(pa.Table.from_pylist(pictures), folder / f"{stem}.parquet")


def _make_png(pixels: str) -> bytes:
    picture = np.array(pixels.split(), dtype=np.uint8).reshape(SIDE, SIDE)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "png")
    return buffer.getvalue()
