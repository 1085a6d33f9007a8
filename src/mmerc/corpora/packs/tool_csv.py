"""CSV files that OpenFace, py-feat and openSMILE write for a recording: a row is a frame, or the recording; columns are features.

Columns that only say where a row is (frame, time, file) or how sure the tool is are left out. So are rows without a face or with a number
that is not finite. Of several faces in a frame the first one counts.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    import pyarrow as pa

FRAME = "frame"
SUCCESS = "success"  # of OpenFace: 0 where it found no face
POSITIONS = frozenset(
    {"", FRAME, "face_id", "timestamp", "confidence", SUCCESS, "frametime", "frameindex", "approx_time", "name", "file",
     "start", "end", "input", "facescore", "class", "unnamed: 0"}
)  # fmt: skip


def read_tool_csv(file: Path) -> Float[np.ndarray, "T d"]:
    """The features of a file, row by row.

    Raises:
        ValueError: it is no CSV file, or no row can be used.
        OSError: it cannot be read.
    """
    import pyarrow as pa  # imported here: prediction needs no pyarrow
    import pyarrow.csv as pc

    with file.open("rb") as stream:
        header = stream.readline()
    separator = max((",", ";", "\t"), key=lambda mark: header.count(mark.encode()))
    table = pc.read_csv(file, parse_options=pc.ParseOptions(delimiter=separator))  # its errors are ValueErrors
    names = [name.strip().lower() for name in table.column_names]
    columns = {name: table.column(index) for index, name in enumerate(names)}
    is_usable = np.ones(len(table), bool)
    if SUCCESS in columns:
        is_usable &= _to_numbers(columns[SUCCESS]) == 1
    features = [
        _to_numbers(column)
        for name, column in columns.items()
        if name not in POSITIONS and (pa.types.is_integer(column.type) or pa.types.is_floating(column.type))
    ]
    if not features:
        raise ValueError(f"{file} has no column of numbers")
    values = np.stack(features, 1)  # [T, d]
    is_usable &= np.isfinite(values).all(1)
    rows = np.flatnonzero(is_usable)
    if FRAME in columns and len(rows):
        frames = _to_numbers(columns[FRAME])[rows]
        rows = rows[np.sort(np.unique(frames, return_index=True)[1])]
    if not len(rows):
        raise ValueError(f"{file} has no row with a number in every column")
    return values[rows]


def _to_numbers(column: "pa.ChunkedArray") -> Float[np.ndarray, " T"]:
    """A column as numbers; NaN where it is empty."""
    numbers: np.ndarray = column.cast("float64", safe=False).to_numpy()
    return numbers
