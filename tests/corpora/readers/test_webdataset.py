import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from mmerc.corpora import open_corpus
from mmerc.errors import CorpusError
from mmerc.media import read_waveform
from tests.media.clips import write_wav


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path / "cache"))


def write_shard(file: Path, members: dict[str, bytes]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w") as archive:
        for name, content in members.items():
            (info := tarfile.TarInfo(name)).size = len(content)
            archive.addfile(info, io.BytesIO(content))


def test_the_files_of_an_utterance_are_one_row(tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "a.wav", np.sin(np.arange(16_000) / 10)[None]).read_bytes()
    about = {"speaker_id": "Ann", "dialogue_id": 3, "gender": "f", "words": ["a"], "clip": "/etc/passwd"}
    members = {
        "x/0001.wav": sound,
        "x/0001.json": json.dumps(about).encode(),
        "x/0001.txt": b"Hi!\n",
        "x/0001.cls": b"happy",
        "x/0002.json": json.dumps({"text": "No.", "label": "anger", "dialogue_id": 3}).encode(),
        "x/0003.txt": b"Oh.",
        "x/0003.json": b"[1",
    }
    write_shard(tmp_path / "d" / "train-000000.tar", members)
    write_shard(tmp_path / "d" / "val-000000.tar", members)
    for _ in range(2):  # the second time from the cache
        corpus = open_corpus(f"wds:{tmp_path / 'd'}")
        assert set(corpus.splits) == {"train", "dev"}
        one, two, three = corpus.utterances("train")
        assert (one.key, two.key) == (("train", "3", "0"), ("train", "3", "1")) and three.dialogue == "x/0003"
        assert (one.text, one.speaker, one.emotion, one.attributes) == ("Hi!", "Ann", "joy", {"gender": "f"})
        assert (two.text, two.emotion, two.clip) == ("No.", "anger", None) and three.text == "Oh."
        assert one.clip is not None and read_waveform(one.clip).shape == (16000,)
        assert [problem.kind for problem in corpus.problems] == ["row", "row"]


def test_names_in_a_shard_are_no_paths(tmp_path: Path) -> None:
    write_shard(tmp_path / "d" / "train.tar", {"../../evil.wav": b"RIFF", "../../evil.txt": b"Hi!"})
    (only,) = open_corpus(f"wds:{tmp_path / 'd' / 'train.tar'}").utterances("train")
    assert only.clip is not None and only.clip.path.is_relative_to(tmp_path / "cache" / "corpora")
    assert not list(tmp_path.rglob("evil*"))


def test_what_is_no_shard_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="has no tar file"):
        open_corpus(f"wds:{tmp_path}")
    (tmp_path / "train.tar").write_bytes(b"rubbish")
    with pytest.raises(CorpusError, match="train.tar cannot be read"):
        open_corpus(f"wds:{tmp_path}")
    write_shard(tmp_path / "train.tar", {})
    with pytest.raises(CorpusError, match="has no row that can be used"):
        open_corpus(f"wds:{tmp_path}")
