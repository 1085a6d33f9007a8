"""Folders with a table and arrays beside it, each of them as somebody may have left it."""

from pathlib import Path

import numpy as np

from mmerc.corpora import open_corpus


def test_a_folder_of_features(tmp_path: Path) -> None:
    import h5py

    header = "dialogue,utterance,speaker,text,emotion,split\n"
    (tmp_path / "utterances.csv").write_text(header + "d,0,A,hi,joy,train\nd,1,B,no,anger,train\ne,0,A,,fear,test\n")
    np.savez(tmp_path / "pulse.npz", **{"d/0": np.arange(6.0).reshape(3, 2), "test/e/0": np.ones((1, 2))})
    with h5py.File(tmp_path / "eeg.h5", "w") as file:
        file["d/1"] = np.zeros((2, 4))
    (tmp_path / "gaze").mkdir()
    np.save(tmp_path / "gaze" / "d_0.npy", np.ones(5))
    (tmp_path / "gaze" / "d_1.npy").write_bytes(b"no array")
    (tmp_path / "skin.csv").write_text("dialogue,utterance,level,slope\nd,0,1,2\nd,0,3,4\ne,0,5,x\nd,1,6,7\n")
    (tmp_path / "notes.txt").write_text("not features")
    corpus = open_corpus(f"pack:{tmp_path}")
    first, second = corpus.utterances("train")
    third = next(corpus.utterances("test"))
    assert [list(turn.signals) for turn in (first, second, third)] == [
        ["gaze", "pulse", "skin"], ["eeg", "skin"], ["pulse"],
    ]  # fmt: skip
    assert first.signals["skin"].tolist() == [[1.0, 2.0], [3.0, 4.0]]  # type: ignore[attr-defined]
    assert second.signals["skin"].tolist() == [6.0, 7.0]  # type: ignore[attr-defined]
    np.savez(tmp_path / "heart.npz", dia0_utt1=np.ones(2))
    problems = open_corpus(f"pack:{tmp_path}").problems
    assert [problem.where for problem in problems] == ["skin.csv row 4", "heart"]
    assert problems[1].what == "matches no utterance of utterances.csv"


def test_the_same_ids_in_every_split(tmp_path: Path) -> None:
    rows = [f"{split},0,0,A,hi,joy" for split in ("train", "validation", "test")]
    (tmp_path / "utterances.csv").write_text("\n".join(["split,dialogue,utterance,speaker,text,emotion", *rows]))
    (tmp_path / "pose.csv").write_text("split,dialogue,utterance,x\ntrain,0,0,1\nval,0,0,2\ntest,0,0,3\n")
    (tmp_path / "gaze.csv").write_text("dialogue,utterance,x\n0,0,1\n0,0,2\n0,0,3\n")
    np.savez(tmp_path / "heart.npz", **{"0/0": np.ones(2), "dev/0/0": np.zeros(2)})
    corpus = open_corpus(f"pack:{tmp_path}")
    found = {split: next(corpus.utterances(split)).signals for split in corpus.splits}
    assert {split: signals["pose"].tolist() for split, signals in found.items()} == {  # type: ignore[attr-defined]
        "train": [1.0], "dev": [2.0], "test": [3.0],
    }  # fmt: skip
    assert [list(signals) for signals in found.values()] == [["pose"], ["heart", "pose"], ["pose"]]
    problems = {problem.where: problem.what for problem in corpus.problems}
    assert problems.keys() == {"gaze", "heart"}
    assert problems["gaze"].startswith("3 utterances share their names") and problems["heart"].startswith(
        "2 utterances"
    )


def test_an_array_that_claims_to_be_larger_than_memory_is_missing(tmp_path: Path) -> None:
    (tmp_path / "utterances.csv").write_text("dialogue,utterance,speaker,text\n0,0,A,hi\n0,1,A,ho\n")
    (tmp_path / "pose").mkdir()
    np.save(tmp_path / "pose" / "0_0.npy", np.ones(3, np.float32))
    whole = (tmp_path / "pose" / "0_0.npy").read_bytes()
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + b"\n"
    (tmp_path / "pose" / "0_1.npy").write_bytes(whole[:8] + len(header).to_bytes(2, "little") + header + b"abcd")
    assert [list(turn.signals) for turn in open_corpus(f"pack:{tmp_path}").utterances("test")] == [["pose"], []]
