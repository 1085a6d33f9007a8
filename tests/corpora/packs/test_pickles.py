"""Pickles of others: what they may build, and what they may not."""

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
from mmerc.corpora.packs.pickles import read_pickle
from mmerc.errors import CorpusError


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
    with pytest.raises(CorpusError, match="not a pickle of only numbers"):
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
    with pytest.raises(CorpusError, match="not a pickle of only numbers"):
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
