"""Folders with a table and arrays next to it."""

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
    assert [list(utterance.signals) for utterance in (first, second, third)] == [
        ["gaze", "pulse", "skin"], ["eeg", "skin"], ["pulse"],
    ]  # fmt: skip
    assert first.signals["skin"].tolist() == [[1.0, 2.0], [3.0, 4.0]]  # type: ignore[attr-defined]
    assert second.signals["skin"].tolist() == [6.0, 7.0]  # type: ignore[attr-defined]
    np.savez(tmp_path / "heart.npz", diad_utt1=np.ones(2), **{"validation/x/1": np.ones(2)})
    np.savez(tmp_path / "lung.npz", other=np.ones(2))
    problems = {problem.where: problem.what for problem in open_corpus(f"pack:{tmp_path}").problems}
    assert problems == {
        "skin.csv row 4": "has a value that is not a number",
        "heart": "1 of its 2 arrays, such as validation/x/1, match no utterance of utterances.csv",
        "lung": "1 of its 1 arrays, such as other, match no utterance of utterances.csv",
        "gaze": "1 of its arrays are damaged, or not numbers of the shape [d] or [T, d]",
    }


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
    assert problems["gaze"].startswith("1 of its arrays, such as 0/0, match several utterances")
    assert problems["heart"] == problems["gaze"]


def test_splits_in_any_spelling_and_an_empty_one_names_none(tmp_path: Path) -> None:
    (tmp_path / "utterances.csv").write_text(
        "split,dialogue,utterance,speaker,text\nTRAIN,a,0,A,hi\nvalid,b,0,A,hi\nheld-out,c,0,A,hi\n"
    )
    (tmp_path / "pose.csv").write_text("split,dialogue,utterance,x\ntrain,a,0,1\n,b,0,2\nheld-out,c,0,3\n")
    np.savez(tmp_path / "gaze.npz", **{"Train/a/0": [1.0], "validation/b/0": [2.0], "held-out/c/0": [3.0]})
    corpus = open_corpus(f"pack:{tmp_path}")
    found = [
        {name: value.tolist() for name, value in utterance.signals.items()}  # type: ignore[attr-defined]
        for split in ("train", "dev", "held-out (own)")
        for utterance in corpus.utterances(split)
    ]
    assert found == [{"pose": [n], "gaze": [n]} for n in (1.0, 2.0, 3.0)] or found == [
        {"gaze": [n], "pose": [n]} for n in (1.0, 2.0, 3.0)
    ]
    assert [problem.kind for problem in corpus.problems] == ["split"]


def test_an_array_that_fits_two_utterances_is_given_to_neither(tmp_path: Path) -> None:
    (tmp_path / "utterances.csv").write_text("dialogue,utterance,speaker,text\na,b_c,A,hi\na_b,c,A,hi\n")
    np.savez(tmp_path / "pose.npz", **{"a_b_c": [1.0], "a/b_c": [2.0]})
    corpus = open_corpus(f"pack:{tmp_path}")
    assert [utterance.signals for utterance in corpus.utterances("test")] == [{"pose": np.float32([2.0])}, {}]
    assert "such as a_b_c, match several utterances" in corpus.problems[0].what


def test_decimal_ids_match_whole_ones(tmp_path: Path) -> None:
    (tmp_path / "utterances.csv").write_text("dialogue,utterance,speaker,text\n1.0,0.0,A,hi\n1.0,1.0,A,ho\n")
    (tmp_path / "pose.csv").write_text("dialogue;utterance;x\n1;0;0,5\n1;1;1,5\n")
    np.savez(tmp_path / "gaze.npz", **{"1/0": [1.0], "dia1_utt1": [2.0]})
    corpus = open_corpus(f"pack:{tmp_path}")
    assert [sorted(utterance.signals) for utterance in corpus.utterances("test")] == [["gaze", "pose"]] * 2
    assert corpus.problems == ()
