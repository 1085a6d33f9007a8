"""Files of arrays: damaged ones, ones with links, and every spelling of their names."""

import gc
import warnings
from pathlib import Path

import numpy as np
import pytest

from mmerc.corpora import open_corpus
from mmerc.corpora.packs.array_files import read_arrays
from mmerc.errors import CorpusError


def test_files_that_are_damaged_or_something_else(tmp_path: Path) -> None:
    (tmp_path / "utterances.csv").write_text("dialogue,utterance,speaker,text\n0,0,A,hi\n0,1,A,ho\n")
    (tmp_path / "pose").mkdir()
    for number in range(2):
        np.save(tmp_path / "pose" / f"0_{number}.npy", np.ones(3, np.float32))
    whole = (tmp_path / "pose" / "0_1.npy").read_bytes()
    for index in range(8, 100):  # one byte of the header is changed
        (tmp_path / "pose" / "0_1.npy").write_bytes(whole[:index] + b"(" + whole[index + 1 :])
        first, second = open_corpus(f"pack:{tmp_path}").utterances("test")
        assert list(first.signals) == ["pose"] and set(second.signals) <= {"pose"}
    (tmp_path / "gaze.npz").write_bytes(whole)
    with pytest.raises(CorpusError, match=r"gaze\.npz holds one array without a name"):
        open_corpus(f"pack:{tmp_path}")


def test_an_array_that_claims_to_be_larger_than_memory_is_missing(tmp_path: Path) -> None:
    (tmp_path / "utterances.csv").write_text("dialogue,utterance,speaker,text\n0,0,A,hi\n0,1,A,ho\n")
    (tmp_path / "pose").mkdir()
    np.save(tmp_path / "pose" / "0_0.npy", np.ones(3, np.float32))
    whole = (tmp_path / "pose" / "0_0.npy").read_bytes()
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + b"\n"
    (tmp_path / "pose" / "0_1.npy").write_bytes(whole[:8] + len(header).to_bytes(2, "little") + header + b"abcd")
    assert [list(utterance.signals) for utterance in open_corpus(f"pack:{tmp_path}").utterances("test")] == [
        ["pose"],
        [],
    ]


def test_arrays_behind_links_and_in_every_spelling_of_their_names(tmp_path: Path) -> None:
    import h5py

    rows = [f"{split},1,{n},A,hi" for split in ("train", "validation") for n in range(2)]
    (tmp_path / "utterances.csv").write_text("\n".join(["split,dialogue,utterance,speaker,text", *rows]))
    with h5py.File(tmp_path / "eeg.h5", "w") as file:
        file["Train/1/0"] = np.zeros(2)
        file["train/1/1"] = h5py.SoftLink("/Train/1/0")
        file["val/1/0"] = file["Train/1/0"]
        file["gone"] = h5py.SoftLink("/nowhere")
        file["a/b/c/d"] = np.zeros(2)  # deeper than any name
    np.savez(tmp_path / "gaze.npz", **{"Training/dia1_utt0": [1.0], "val/1_1": [2.0]})
    (tmp_path / "pose.csv").write_text("split;dialogue;utterance;x\ntrain;1;0;1,5\n")
    corpus = open_corpus(f"pack:{tmp_path}")
    found = [list(utterance.signals) for split in ("train", "dev") for utterance in corpus.utterances(split)]
    assert found == [["eeg", "gaze", "pose"], ["eeg"], ["eeg"], ["gaze"]] and not corpus.problems
    assert next(corpus.utterances("train")).signals["pose"].tolist() == [1.5]  # type: ignore[attr-defined]


@pytest.mark.parametrize("content", [b"PK\x03\x04" + b"x" * 50, b"PK", b""])
def test_a_damaged_archive_is_closed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        with pytest.raises(CorpusError, match="a.npz cannot be read"):
            read_arrays(tmp_path / "a.npz")
        gc.collect()
    assert found == []
