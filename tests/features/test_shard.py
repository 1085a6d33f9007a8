from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mmerc.errors import RunError
from mmerc.features import FeatureRow
from mmerc.features.shard import Shard
from mmerc.features.store import FeatureStore
from mmerc.features.writer import FeatureWriter, sort_store
from tests.features.stores import key, write_shuffled


def test_a_program_without_mmerc_reads_the_shards(tmp_path: Path) -> None:
    """As the manual says it."""
    keys = write_shuffled(tmp_path)
    sort_store(FeatureStore(tmp_path), keys)
    (shard,) = tmp_path.glob("*.arrow")
    table = pa.ipc.open_file(shard).read_all()
    rows = table.to_pylist()
    assert [row["utterance"] for row in rows] == [str(number) for number in range(20)]
    assert rows[4]["values"] is None and rows[4]["reason"] == "no clip"
    row = rows[11]
    array = np.array(row["values"]).reshape(row["shape"]) * np.array(row["scales"])[:, None]
    assert array.shape == (3, 2) and array == pytest.approx(11, rel=0.01)


@given(
    arrays.arrays(np.float16, st.tuples(st.integers(1, 5), st.integers(1, 4)), elements=st.floats(-100, 100, width=16))
)
@settings(max_examples=20, deadline=None)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, values: np.ndarray) -> None:
    folder = tmp_path_factory.mktemp("store")
    with FeatureWriter(folder) as writer:
        writer.add(FeatureRow(key(0), values))
    found = FeatureStore(folder)[key(0)].values
    assert found is not None and np.array_equal(found, values)


def test_rows_are_mapped_and_cannot_be_changed(tmp_path: Path) -> None:
    with FeatureWriter(tmp_path) as writer:
        writer.add(FeatureRow(key(0), np.ones((2, 2), np.float16)))
    values = FeatureStore(tmp_path)[key(0)].values
    assert values is not None and not values.flags.writeable and not values.flags.owndata


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    table = pa.table({"a": [1]})
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table)
    with pytest.raises(RunError, match="a.arrow is not a feature file, or is damaged .it has other columns"):
        Shard(tmp_path / "a.arrow")
