from pathlib import Path

import numpy as np
import pytest

from mmerc.addresses import RemotePath
from mmerc.errors import RunError
from mmerc.features.store import FeatureStore
from mmerc.inference import Predictor
from mmerc.inference.inputs import Recording, read_input
from mmerc.model.extraction import extract_dialogues
from mmerc.scale.extraction import ExtractionJob, decode_features, extract
from tests.object_stores import ObjectStore


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


def test_a_store_at_an_address_is_read_shard_by_shard(
    s3: ObjectStore, small_run: Path, small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path / "cache"))
    source, out = f"meld:{small_corpus}#test", RemotePath("s3://bucket/store")
    job = ExtractionJob(model=str(small_run / "model"))
    found = extract(source, out, job)
    assert found == extract(source, tmp_path / "local", job)
    copies = tmp_path / "cache" / "addresses"
    store, local = FeatureStore(out / "text"), FeatureStore(tmp_path / "local" / "text")
    assert list(store) == list(local) and store.list_missing() == local.list_missing() and not copies.exists()
    for key in local:
        assert np.array_equal(store[key].values, local[key].values)  # type: ignore[arg-type]
    assert len(list(copies.rglob("*.arrow"))) == 1
    assert not RemotePath("s3://bucket/store.parts").exists()
