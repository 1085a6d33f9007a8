"""Packs in every layout that the manual names, made here with small literal values."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora import open_corpus
from mmerc.corpora.pickles import read_pickle
from mmerc.errors import CorpusError


def tuple_of(*, meld: bool, face: bool, roberta: bool) -> tuple[Any, ...]:
    """Two dialogues of two and one utterances, as DialogueRNN and its followers store them."""

    def features(start: float) -> dict[int, list[np.ndarray]]:
        return {0: [np.array([start, 1.0]), np.array([start, 2.0])], 7: [np.array([start, 3.0])]}

    speakers: Any = {0: [[1, 0], [0, 1]], 7: [[0, 1]]} if meld else {0: ["M", "F"], 7: ["F"]}
    parts = [{0: ["a", "b"], 7: ["c"]}, speakers, {0: [0, 4], 7: [2]}, features(10.0)]
    parts += [features(number) for number in (20.0, 30.0, 40.0)] if roberta else []
    parts += [features(50.0), *([features(60.0)] if face else [])]
    parts += [{0: ["Hi.", "Oh no!"], 7: [""]}, {0}, [7]]
    return (*parts, *([{0: [0, 1], 7: [2]}] if meld else []))


@pytest.mark.parametrize(
    ("content", "signals", "emotions"),
    [
        (tuple_of(meld=True, face=False, roberta=False), "text audio", ["neutral", "joy", "fear"]),
        (tuple_of(meld=True, face=True, roberta=False), "text audio face", ["neutral", "joy", "fear"]),
        (tuple_of(meld=True, face=True, roberta=True), "text text2 text3 text4 audio face", ["neutral", "joy", "fear"]),
        (tuple_of(meld=False, face=True, roberta=False), "text audio face", ["happy", "excited", "neutral"]),
        (tuple_of(meld=False, face=True, roberta=True), "text text2 text3 text4 audio face",
         ["happy", "excited", "neutral"]),
    ],
    ids=["DialogueRNN MELD", "MMGCN MELD", "with RoBERTa", "IEMOCAP", "IEMOCAP with RoBERTa"],
)  # fmt: skip
def test_tuples_keyed_by_dialogue(tmp_path: Path, content: Any, signals: str, emotions: list[str]) -> None:
    (tmp_path / "features.pkl").write_bytes(pickle.dumps(content, protocol=2))
    corpus = open_corpus(f"pack:{tmp_path / 'features.pkl'}")
    turns = [*corpus.utterances("train"), *corpus.utterances("test")]
    assert [turn.key for turn in turns] == [("train", "0", "0"), ("train", "0", "1"), ("test", "7", "0")]
    assert [turn.emotion for turn in turns] == emotions
    assert [turn.text for turn in turns] == ["Hi.", "Oh no!", None]
    assert list(turns[0].signals) == signals.split()
    assert np.array_equal(turns[1].signals["audio"], [50.0, 2.0])  # type: ignore[arg-type]
    assert turns[0].speaker != turns[1].speaker == turns[2].speaker


def test_a_map_says_what_lies_where(tmp_path: Path) -> None:
    whole = tuple_of(meld=True, face=False, roberta=False)
    (tmp_path / "mine.pkl").write_bytes(pickle.dumps([whole[3], whole[2], whole[6], whole[7]]))
    location = f"pack:{tmp_path / 'mine.pkl'}"
    with pytest.raises(CorpusError, match="a tuple of 4, no known layout"):
        open_corpus(location)
    corpus = open_corpus(f"{location}?pulse=0&labels=1&train=2&test=3")
    assert [turn.emotion for turn in corpus.utterances("train")] == ["0", "4"]
    assert corpus.labels.names == ("0", "2", "4")
    named = open_corpus(f"{location}?pulse=0&labels=1&train=2&test=3&names=Calm,a,tense,b,glad")
    assert [turn.emotion for turn in named.utterances("train")] == ["calm", "glad"] and len(named.labels) == 5
    with pytest.raises(CorpusError, match="pulse=9 is no place in a tuple of 4"):
        open_corpus(f"{location}?pulse=9&train=2")
    with pytest.raises(CorpusError, match="no signal is mapped"):
        open_corpus(f"{location}?labels=1&train=2")
    with pytest.raises(CorpusError, match="no dictionary"):
        open_corpus(f"{location}?pulse=3&train=2")


def test_stacked_arrays_of_each_split(tmp_path: Path) -> None:
    def part(*ids: str) -> dict[str, Any]:
        count = len(ids)
        return {
            "id": list(ids),
            "text": np.ones((count, 4, 3), np.float32),
            "vision": np.full((count, 4, 2), np.nan, np.float32),
            "raw_text": ["so good"] * count,
            "classification_labels": np.arange(count) % 3,
        }

    file = tmp_path / "mosei.pkl"
    file.write_bytes(pickle.dumps({"train": part("v$_$2", "v$_$1"), "valid": part("w[0]"), "test": part("x$_$0")}))
    corpus = open_corpus(f"pack:{file}")
    assert [turn.key for turn in corpus.utterances("train")] == [("train", "v", "1"), ("train", "v", "2")]
    assert [turn.key for turn in corpus.utterances("dev")] == [("dev", "w", "0")]
    turn = next(corpus.utterances("test"))
    assert turn.text == "so good" and turn.emotion == "0" and list(turn.signals) == ["text"]  # what is NaN is missing
    assert turn.signals["text"].shape == (4, 3)  # type: ignore[attr-defined]
    with pytest.raises(CorpusError, match="its train split has no bert"):
        open_corpus(f"pack:{file}?text=bert")
    floats = {"train": part("v$_$1") | {"classification_labels": np.array([0.4])}}
    file.write_bytes(pickle.dumps(floats))
    with pytest.raises(CorpusError, match=r"the label 0\.4\d* is no class"):
        open_corpus(f"pack:{file}")


def test_tensors_saved_by_torch(tmp_path: Path) -> None:
    content = ({0: torch.ones(2, 3)}, {0: [1, 0]}, [0])
    torch.save(content, tmp_path / "mine.pt")
    corpus = open_corpus(f"pack:{tmp_path / 'mine.pt'}?text=0&labels=1&train=2")
    assert [turn.signals["text"].tolist() for turn in corpus.utterances("train")] == [[1.0, 1.0, 1.0]] * 2  # type: ignore[attr-defined]


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


class Command:
    def __reduce__(self) -> Any:
        return (os.system, ("touch pwned",))


@pytest.mark.parametrize(
    ("content", "named"), [(Command(), r"(posix|nt)\.system"), ([print], r"builtins\.print"), (Path("x"), "pathlib")]
)
def test_a_pickle_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: object, named: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(CorpusError, match=f"stopped at .*{named}"):
        open_corpus(f"pack:{tmp_path / 'evil.pkl'}")
    torch.save(content, tmp_path / "evil.pt")
    with pytest.raises(CorpusError, match="no pickle of numbers"):
        read_pickle(tmp_path / "evil.pt")
    assert not (tmp_path / "pwned").exists()


def test_array_types_that_could_point_anywhere_are_refused(tmp_path: Path) -> None:
    for content, named in (
        (np.zeros(2, [("a", "f4")]), "the array type 'V4'"),
        (np.zeros(2, "datetime64[s]"), "the array type 'M8'"),
    ):
        (tmp_path / "x.pkl").write_bytes(pickle.dumps(content, protocol=2))
        with pytest.raises(CorpusError, match=named):
            read_pickle(tmp_path / "x.pkl")
    # A type of objects whose items would be read from the bytes behind it.
    forged = pickle.dumps(np.float64(1.0), protocol=2).replace(b"f8", b"O8")
    (tmp_path / "x.pkl").write_bytes(forged)
    with pytest.raises(CorpusError, match="no pickle of numbers"):
        read_pickle(tmp_path / "x.pkl")


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_gives_the_same(tmp_path: Path, protocol: int) -> None:
    content = {"a": [np.float32(2), np.arange(3)], "b": ({"s"}, torch.ones(2)), "c": np.array(["x", None], object)}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(content, protocol=protocol))
    back = read_pickle(tmp_path / "x.pkl")
    assert back["a"][1].tolist() == [0, 1, 2] and back["b"][0] == {"s"} and back["c"].tolist() == ["x", None]
    assert torch.equal(back["b"][1], torch.ones(2))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_corpus_error_or_plain_data(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    file = tmp_path_factory.mktemp("p") / "x.pkl"
    file.write_bytes(raw)
    try:
        read_pickle(file)
    except CorpusError as error:
        assert str(file) in str(error)


def test_what_is_no_pack(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(CorpusError, match="neither a folder"):
        open_corpus(f"pack:{tmp_path / 'x.txt'}")
    with pytest.raises(CorpusError, match=r"holds no utterances\.csv"):
        open_corpus(f"pack:{tmp_path}")
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(3))
    with pytest.raises(CorpusError, match="holds a int"):
        open_corpus(f"pack:{tmp_path / 'x.pkl'}")
    (tmp_path / "x.pkl").write_bytes(pickle.dumps("words"))
    with pytest.raises(CorpusError, match="holds a str"):
        open_corpus(f"pack:{tmp_path / 'x.pkl'}")


@pytest.mark.parametrize(
    ("content", "roles"),
    [
        ({"train": {"text": 3.0}}, ""),
        (({"a": [np.ones(3)]}, 5), "?text=0&train=1"),
        (({"a": 4}, ["a"]), "?text=0&train=1"),
        (({"a": [np.ones(3)]}, [["a"]]), "?text=0&train=1"),
        (({"a": [np.ones(3)]}, ["a", None, 3]), "?text=0&train=1"),
        (({"a": [np.ones(3)]}, ["a"], {"a": 1}), "?text=0&train=1&labels=2"),
    ],
)
def test_parts_that_do_not_fit_are_one_sentence(tmp_path: Path, content: Any, roles: str) -> None:
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(CorpusError, match="its parts do not fit one another .*: correct the map"):
        open_corpus(f"pack:{tmp_path / 'x.pkl'}{roles}")


def test_labels_that_are_none_and_text_that_cannot_be_written(tmp_path: Path) -> None:
    labels = [b"Joy ", float("nan"), [], np.array(["fear"]), None, float("inf"), ""]
    split = {
        "text": np.ones((7, 3)),
        "labels": labels,
        "raw_text": ["half \ud83d"] * 7,
        "id": ["v\udc80[0]"] + ["w"] * 6,
    }
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"train": split}))
    turns = list(open_corpus(f"pack:{tmp_path / 'x.pkl'}").utterances("train"))
    assert [turn.emotion for turn in turns] == ["joy", None, None, "fear", None, None, None]
    assert (turns[0].text, turns[0].key) == ("half ?", ("train", "v?", "0"))


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
