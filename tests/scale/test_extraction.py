from pathlib import Path

import numpy as np
import pytest

from mmerc.errors import RunError
from mmerc.features.store import FeatureStore
from mmerc.inference import Predictor
from mmerc.inference.inputs import Recording, read_input
from mmerc.model.extraction import extract_dialogues
from mmerc.scale.extraction import ExtractionJob, decode_features, extract


def test_the_stores_have_what_the_networks_compute(small_run: Path, small_corpus: Path, tmp_path: Path) -> None:
    source, out = f"meld:{small_corpus}#test", tmp_path / "store"
    job = ExtractionJob(model=str(small_run / "model"))
    found = extract(source, out, job)
    dialogues, _ = read_input(source)
    for name, encoder in Predictor.load(small_run / "model").model.encoders.items():
        wanted, store = extract_dialogues(encoder, dialogues), FeatureStore(out / name)
        assert list(store) == list(wanted)
        for key, row in wanted.items():
            assert (store[key].reason, store[key].metadata) == (row.reason, row.metadata)
            assert row.values is None or np.array_equal(store[key].values, row.values)  # type: ignore[arg-type]
        assert found["missing"][name] == len(store.list_missing())
    before = {file: file.stat().st_mtime_ns for file in out.rglob("*")}
    assert extract(source, out, job) == found and before == {file: file.stat().st_mtime_ns for file in out.rglob("*")}
    with pytest.raises(RunError, match="choose another --out"):
        extract(f"meld:{small_corpus}#dev", out, job)
    assert [file.name for file in tmp_path.iterdir()] == ["store"]


def test_a_recording_that_cannot_be_processed_has_a_row_in_each_store(small_run: Path, tmp_path: Path) -> None:
    work = ExtractionJob(model=str(small_run / "model")).load()
    (tmp_path / "part").write_bytes(work.fail(Recording(Path("talk.mp4")), "3 processes died"))
    rows = dict(decode_features(tmp_path / "part"))
    assert set(rows) == set(work.predictor.modalities)
    assert {(row.key, row.reason) for row in rows.values()} == {(("input", "talk", "0"), "3 processes died")}
