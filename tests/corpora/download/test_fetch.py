"""Each corpus in its published layout, from a server on this machine to the reader; and what can go wrong."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from mmerc import download
from mmerc.corpora import open_corpus
from mmerc.corpora.download import CATALOGUE, fetch_corpus, find_corpora, is_fetched, require_source
from mmerc.corpora.readers.speaker_splits import read_splits
from mmerc.errors import CorpusError, DownloadError, RunError
from tests.corpora.download.published import PUBLISHED, UTTERANCES, list_paths, make_entry, pack_zip
from tests.file_server import FileServer

FETCHED = {
    "meld": ["dev_sent_emo.csv", "source.json", "test_sent_emo.csv", "train_sent_emo.csv"],
    "goemotions": ["dev.tsv", "labels.txt", "source.json", "test.tsv", "train.tsv"],
    "ravdess": [
        "Actor_01/03-01-03-01-01-01-01.wav", "Actor_21/03-01-03-01-01-01-21.wav", "Actor_24/03-01-03-01-01-01-24.wav",
        "source.json", "splits.csv",
    ],
    "emodb": ["03a01Fa.wav", "12a01Wa.wav", "16b10Lb.wav", "source.json", "splits.csv"],
    "tess": ["OAF_back_angry.wav", "YAF_back_ps.wav", "source.json", "splits.csv"],
    "cremad": [
        "AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1074_ITS_HAP_LO.wav", "AudioWAV/1091_WSI_SAD_HI.wav",
        "source.json", "splits.csv",
    ],
}  # fmt: skip
SPLITS = {
    "meld": [1, 1, 1], "goemotions": [3, 1, 1], "ravdess": [1, 1, 1], "emodb": [1, 1, 1], "tess": [1, 1, 0],
    "cremad": [1, 1, 1],
}  # fmt: skip


def list_files(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("kind", FETCHED)
def test_a_corpus_is_fetched_into_what_its_reader_reads(server: FileServer, tmp_path: Path, kind: str) -> None:
    server.files = list_paths(kind)
    location = fetch_corpus(make_entry(kind, server.url), tmp_path / "corpora")
    assert location == f"{kind}:{tmp_path}/corpora/{kind}"
    assert list_files(tmp_path / "corpora") == [f"{kind}/{name}" for name in FETCHED[kind]]
    corpus = open_corpus(location)
    splits = [
        len(list(corpus.utterances(split))) if split in corpus.splits else 0 for split in ("train", "dev", "test")
    ]
    assert splits == SPLITS[kind] and corpus.problems == ()
    assert all(each.clip.path.read_bytes().startswith(b"RIFF") for each in corpus.utterances("train") if each.clip)
    record = json.loads((tmp_path / "corpora" / kind / "source.json").read_text())
    assert record["licence"] == CATALOGUE[kind].licence and record["citation"] == CATALOGUE[kind].citation


def test_fer2013_is_fetched_from_the_mirror(server: FileServer, tmp_path: Path, mirror: Path) -> None:
    entry = make_entry("fer2013", server.url)
    with pytest.raises(
        CorpusError, match="fer2013 cannot be fetched. It has no public address: log in at https://www.kaggle"
    ):
        fetch_corpus(entry, tmp_path)
    (mirror / "fer2013").mkdir()
    (mirror / "fer2013" / "fer2013.tar.gz").write_bytes(PUBLISHED["fer2013"]["fer2013.tar.gz"])
    require_source(entry)
    corpus = open_corpus(fetch_corpus(entry, tmp_path))
    assert [(each.split, each.emotion) for split in corpus.splits for each in corpus.utterances(split)] == [
        ("train", "joy"), ("train", "sadness"), ("dev", "surprise"), ("test", "neutral"),
    ]  # fmt: skip
    assert list_files(tmp_path / "fer2013") == ["source.json", "test.parquet", "train.parquet", "validation.parquet"]


def test_a_corpus_that_is_there_is_not_fetched_again(server: FileServer, tmp_path: Path) -> None:
    server.files = list_paths("meld")
    entry = make_entry("meld", server.url)
    assert not is_fetched(entry, tmp_path)
    fetch_corpus(entry, tmp_path)
    asked = len(server.requests)
    assert fetch_corpus(entry, tmp_path) == f"meld:{tmp_path}/meld" and is_fetched(entry, tmp_path)
    assert len(server.requests) == asked


def test_something_else_in_the_folder_is_kept(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "meld").mkdir()
    (tmp_path / "meld" / "notes.txt").write_text("mine")
    with pytest.raises(
        CorpusError, match="meld is there and cannot be read: remove or rename it. .* has none of train_sent"
    ):
        fetch_corpus(make_entry("meld", server.url), tmp_path)
    assert list_files(tmp_path) == ["meld/notes.txt"]


def test_a_broken_fetch_is_continued(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    monkeypatch.setattr(download, "BLOCK", 16)
    server.files, entry = list_paths("ravdess"), make_entry("ravdess", server.url)
    server.breaks = [128]
    with pytest.raises(
        DownloadError, match="the connection broke.*: run the command again to continue, or .* MMERC_CORPORA"
    ):
        fetch_corpus(entry, tmp_path)
    assert not (tmp_path / "ravdess").exists()
    (tmp_path / ".partial-ravdess-0f0f").mkdir()  # as a killed process leaves it
    fetch_corpus(entry, tmp_path)
    assert server.requests[-1][1] == "bytes=128-" and len(list_files(tmp_path)) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ravdess"]


def test_recordings_that_are_there_are_not_fetched_again(server: FileServer, tmp_path: Path) -> None:
    server.files, entry = list_paths("cremad"), make_entry("cremad", server.url)
    missing = server.files.pop("/cremad/AudioWAV/1091_WSI_SAD_HI.wav")
    with pytest.raises(DownloadError, match="1091_WSI_SAD_HI.wav cannot be downloaded .*404"):
        fetch_corpus(entry, tmp_path)
    server.files["/cremad/AudioWAV/1091_WSI_SAD_HI.wav"] = missing
    server.requests.clear()
    fetch_corpus(entry, tmp_path)
    paths = [path for path, _ in server.requests]
    assert "/cremad/AudioWAV/1001_DFA_ANG_XX.wav" not in paths and "/cremad/AudioWAV/1091_WSI_SAD_HI.wav" in paths


@pytest.mark.parametrize("kind", ["ravdess", "goemotions", "cremad"])
def test_another_file_than_the_published_one_is_refused(server: FileServer, tmp_path: Path, kind: str) -> None:
    server.files = {path: content[:-1] + b"?" for path, content in list_paths(kind).items()}
    if kind == "cremad":
        server.files["/cremad/CREMA-D-master.zip"] = PUBLISHED[kind]["CREMA-D-master.zip"]
    with pytest.raises(DownloadError, match="gives another file than the published one .it has SHA-256"):
        fetch_corpus(make_entry(kind, server.url), tmp_path)
    assert not (tmp_path / kind).exists()


def test_a_damaged_archive_without_a_hash_is_not_used_again(server: FileServer, tmp_path: Path) -> None:
    entry = make_entry("emodb", server.url)
    server.files = {"/emodb/download.zip": PUBLISHED["emodb"]["download.zip"][:-30]}
    with pytest.raises(CorpusError, match=r"download.zip is damaged \(.*\): download it again"):
        fetch_corpus(entry, tmp_path)
    server.files = list_paths("emodb")
    assert fetch_corpus(entry, tmp_path)


def test_an_incomplete_archive_is_refused(
    server: FileServer, tmp_path: Path, warnings: pytest.LogCaptureFixture
) -> None:
    server.files, entry = list_paths("tess"), make_entry("tess", server.url)
    with pytest.raises(CorpusError, match="tess has 2 of 2,800 utterances, so the download is incomplete"):
        fetch_corpus(replace(entry, utterances=2800), tmp_path)
    fetch_corpus(replace(entry, utterances=1), tmp_path)
    assert "tess has 2 utterances, and 1 are published" in warnings.text


def test_the_mirror_is_looked_at_first_and_the_hash_decides(
    server: FileServer, tmp_path: Path, mirror: Path, warnings: pytest.LogCaptureFixture
) -> None:
    (mirror / "goemotions").mkdir()
    for name, content in PUBLISHED["goemotions"].items():
        (mirror / "goemotions" / name).write_bytes(content if name != "dev.tsv" else b"of another version")
    server.files = list_paths("goemotions")
    corpus = open_corpus(fetch_corpus(make_entry("goemotions", server.url), tmp_path))
    assert [path for path, _ in server.requests] == ["/goemotions/dev.tsv"]
    assert "goemotions/dev.tsv is not the published file (it has 18 bytes and not 12): it is not used" in warnings.text
    assert [each.emotion for each in corpus.utterances("train")] == ["joy", None, "surprise"]
    assert len(list(mirror.rglob("*.tsv"))) == 3


def test_a_corpus_on_request_says_where_to_apply(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match="iemocap cannot be fetched. It has no public address: send the form at https://sail"
    ):
        fetch_corpus(CATALOGUE["iemocap"], tmp_path / "corpora")
    assert not (tmp_path / "corpora").exists()


def test_two_processes_do_not_fetch_the_same_corpus(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / ".downloads").mkdir()
    with (
        FileLock(tmp_path / ".downloads" / "meld.lock"),
        pytest.raises(RunError, match="meld is being fetched by another"),
    ):
        fetch_corpus(make_entry("meld", server.url), tmp_path)


def test_a_folder_that_cannot_be_written_is_one_sentence(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot be written \(.*\): choose a folder you may write to"):
        fetch_corpus(make_entry("meld", server.url), tmp_path / "file")


def test_a_hostile_archive_writes_nothing(server: FileServer, tmp_path: Path) -> None:
    server.files = {"/tess/tess.zip": pack_zip({"../../OAF_back_angry.wav": b"x"})}
    with pytest.raises(CorpusError, match="leads out of its folder"):
        fetch_corpus(make_entry("tess", server.url), tmp_path / "a" / "b")
    assert list(tmp_path.rglob("*.wav")) == []


def test_the_split_of_each_speaker_is_written_and_may_be_changed(server: FileServer, tmp_path: Path) -> None:
    server.files = list_paths("emodb")
    location = fetch_corpus(make_entry("emodb", server.url), tmp_path)
    file = tmp_path / "emodb" / "splits.csv"
    assert file.read_text() == "speaker,split\n03,train\n12,dev\n16,test\n"
    assert read_splits(tmp_path / "emodb") == ({"03": "train", "12": "dev", "16": "test"}, [])
    file.write_text("speaker,split\n03,dev\n12,train\n16,test\n")
    assert [each.speaker for each in open_corpus(location).utterances("dev")] == ["03"]


def test_corpora_in_a_folder_are_found(server: FileServer, tmp_path: Path, warnings: pytest.LogCaptureFixture) -> None:
    for kind in ("ravdess", "meld"):
        server.files = list_paths(kind)
        fetch_corpus(make_entry(kind, server.url), tmp_path)
    for name in ("emodb", "synthetic", "pack", "models", ".downloads"):
        (tmp_path / name).mkdir()
    found = find_corpora(tmp_path)
    assert found == {"meld": f"meld:{tmp_path}/meld", "ravdess": f"ravdess:{tmp_path}/ravdess"}
    assert "emodb is left out: " in warnings.text and list((tmp_path / "synthetic").iterdir()) == []
    assert find_corpora(tmp_path / "nothing") == {}


@pytest.mark.realdata
def test_real_corpora_are_found(real_data: Path, tmp_path: Path) -> None:
    for name in ("clips", "emodb", "models"):
        (tmp_path / name).symlink_to(real_data / name)
    assert list(find_corpora(tmp_path)) == ["emodb"]


def test_every_corpus_that_is_fetched_has_a_test() -> None:
    assert {kind for kind, entry in CATALOGUE.items() if entry.files} == UTTERANCES.keys() == {*FETCHED, "fer2013"}
