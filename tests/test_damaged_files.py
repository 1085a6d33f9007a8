"""Every reader of a user's file gets damaged files: it reads them, or refuses them with one sentence.

`MMERC_FUZZ=2000 pytest tests/test_damaged_files.py` tries so many files of each kind. What was found is a case of its own in the tests of the
reader.
"""

import io
import json
import math
import os
import pickle
import tarfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmerc import Predictor, load_config
from mmerc.corpora import Corpus, open_corpus
from mmerc.corpora.transcripts import Segment, read_transcript
from mmerc.emotions import SEVEN
from mmerc.encoders import ENCODERS, check_encoder_config
from mmerc.errors import MmercError
from mmerc.files import read_json
from mmerc.inference.corrections import read_corrections
from mmerc.inference.export.formats import FORMATS
from mmerc.model.folder import FORMAT
from mmerc.training.search import read_space
from tests.corpora.packs.test_tool_csv import OPENFACE
from tests.corpora.readers.test_iemocap import make_session
from tests.corpora.readers.test_mosi import put as write_mosi
from tests.corpora.transcripts.writers import WRITERS
from tests.damage import damage_bytes, damage_text
from tests.inference.export.predictions import make_conversation

EXAMPLES = int(os.environ.get("MMERC_FUZZ", "15"))  # damaged files of each kind
TALK = [
    Segment(0.5, 1.9, "You came back, didn't you?", "Ann"), Segment(2.0, 3.25, "I did & I will.", "Bob Jones"),
    Segment(4.0, 5.5, "Größe <3", "Ann"),
]  # fmt: skip
TABLE = (
    "split,dialogue,utterance,speaker,text,start,end,emotion,valence,clip,clip_start,clip_end,gender,votes_joy,emotion_Al\n"
    'train,d,0,Ann,"Hi, you",0.5,1.5,joy,3.5,a.wav,0.0,1.0,f,2,joy\ntrain,d,1,Bo,No.,1:02.5,1:03.5,anger,1,,,,m,0,anger\n'
    "test,e,0,Ann,,,,,,,,,,,\n"
)
Files = dict[str, bytes]


@dataclass(frozen=True)
class Kind:
    """A kind of file. `read`: reads the files of a folder and checks the result. `is_text`: how they are damaged."""

    files: Callable[[Path], Files]
    read: Callable[[Path], object]
    is_text: bool = True


def check_corpus(corpus: Corpus) -> None:
    """Check what the rest of mmerc relies on."""
    for split in corpus.splits:
        for each in corpus.utterances(split):
            assert all(time is None or (math.isfinite(time) and time >= 0) for time in (each.start, each.end))
            json.dumps([each.key, each.speaker, each.text, dict(each.attributes)]).encode("utf-8")
            "".join(filter(None, [str(each.dialogue), str(each.utterance), each.speaker, each.text])).encode("utf-8")
            assert each.emotion is None or each.emotion in corpus.labels
            assert all(math.isfinite(value) for value in each.dimensions.values())
            for signal in each.signals.values():
                assert isinstance(signal, bytes) or (np.size(signal) and np.isfinite(np.asarray(signal)).all())
    for problem in corpus.problems:
        f"{problem.where}: {problem.what}".encode()


def corpus_kind(location: str, files: Callable[[Path], Files], *, is_text: bool = True) -> Kind:
    return Kind(files, lambda folder: check_corpus(open_corpus(location.replace("FOLDER", str(folder)))), is_text)


def just(files: dict[str, str]) -> Callable[[Path], Files]:
    """These files."""
    return lambda _: {name: content.encode() for name, content in files.items()}


def collect(write: Callable[[Path], object]) -> Callable[[Path], Files]:
    """The files that a function writes into a folder."""

    def write_and_read(folder: Path) -> Files:
        write(folder)
        return {
            str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
        }

    return write_and_read


# ---- Transcripts and annotations ------------------------------------------------------------------------------------


def read_talk(folder: Path) -> None:
    segments, problems = read_transcript(next(folder.glob("talk.*")), "talk")
    times = [(each.start, each.end) for each in segments]
    assert times == sorted(times) and all(0 <= start <= end < math.inf for start, end in times)
    for text in [*(f"{each.speaker} {each.text}" for each in segments), *(each.what for each in problems)]:
        text.encode("utf-8", "surrogatepass")


def transcript(suffix: str, write: Callable[[list[Segment]], str]) -> Kind:
    return Kind(lambda _: {f"talk{suffix}": write(TALK).encode()}, read_talk)


def annotation(form: str) -> Kind:
    """A file that mmerc writes for another program, which may give it back damaged."""

    def make(_: Path) -> Files:
        said = [(each.text, each.start, each.end, each.speaker, "joy", 0.8) for each in TALK]
        content = FORMATS[form].make(make_conversation(said))
        text = content if isinstance(content, str) else "".join(content)  # type: ignore[arg-type]
        return {f"talk{FORMATS[form].suffix}": text.encode()}

    return Kind(make, read_talk)


# ---- Signals ------------------------------------------------------------------------------------------------------


def pack_with(write: Callable[[Path], object]) -> Callable[[Path], Files]:
    """A pack of two utterances and its signals."""

    def make(folder: Path) -> None:
        (folder / "utterances.csv").write_text(
            "dialogue,utterance,speaker,text,emotion\nd,0,A,hi,joy\nd,1,B,no,anger\n"
        )
        write(folder)

    return collect(make)


def write_npz(folder: Path) -> None:
    np.savez(folder / "pulse.npz", **{"d/0": np.arange(6.0).reshape(3, 2), "d/1": np.ones((1, 2), np.float32)})


def write_npy(folder: Path) -> None:
    (folder / "gaze").mkdir(exist_ok=True)
    np.save(folder / "gaze" / "d_0.npy", np.ones(5))


def write_tool_csv(folder: Path) -> None:
    (folder / "openface").mkdir(exist_ok=True)
    (folder / "openface" / "d_0.csv").write_text(OPENFACE)


def write_steps(folder: Path) -> None:
    (folder / "skin.csv").write_text("dialogue,utterance,level,slope\nd,0,1,2\nd,0,3.5,-4e3\nd,1,5,6\n")


def make_split_pickle() -> bytes:
    def part(*ids: str) -> dict[str, Any]:
        text = np.ones((len(ids), 4, 3), np.float32)
        return {
            "id": list(ids),
            "text": text,
            "raw_text": ["so"] * len(ids),
            "classification_labels": np.arange(len(ids)),
        }

    return pickle.dumps({"train": part("v$_$2", "v$_$1"), "valid": part("w[0]"), "test": part("x$_$0")})


# ---- Datasets -----------------------------------------------------------------------------------------------------


def make_parquet(columns: dict[str, Any]) -> bytes:
    features = {"label": {"names": ["joy", "anger", "neutral"], "_type": "ClassLabel"}}
    table = pa.table(columns).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, stream := io.BytesIO(), compression="none", use_dictionary=False)
    return stream.getvalue()


def make_shard(_: Path) -> Files:
    about = {"speaker_id": "Ann", "dialogue_id": 3, "gender": "f", "words": ["a"], "start": 0.5}
    members = {
        "x/1.wav": b"RIFF",
        "x/1.json": json.dumps(about).encode(),
        "x/1.txt": b"Hi!\n",
        "x/1.cls": b"happy",
        "x/2.txt": b"Oh.",
    }
    with tarfile.open(fileobj=(stream := io.BytesIO()), mode="w") as archive:
        for name, content in members.items():
            (info := tarfile.TarInfo(name)).size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return {"train-0.tar": stream.getvalue()}


def make_json_shard(_: Path) -> Files:
    """The JSON of an utterance, which `read_json_shard` puts into a shard."""
    return {"1.json": b'{"speaker_id": "Ann", "dialogue_id": 3, "start": 0.5, "label": "joy", "text": "Hi!"}'}


def read_json_shard(folder: Path) -> None:
    content = (folder / "1.json").read_bytes()
    with tarfile.open(folder / "train-0.tar", "w") as archive:
        (info := tarfile.TarInfo("1.json")).size = len(content)
        archive.addfile(info, io.BytesIO(content))
    check_corpus(open_corpus(f"wds:{folder}"))


# ---- Settings and models ------------------------------------------------------------------------------------------

CONFIG = yaml.safe_dump(
    {
        "extends": "smoke", "seed": 3, "protocol": "online", "trainer": {"num_threads": 1}, "fusion": {"name": "late_averaging", "dropout": 0.1},
        "modalities": {"text": {"encoder": "gpt", "epochs": 2, "learning_rate": 1e-3, "history": 2}},
    }
)  # fmt: skip


def write_model(folder: Path) -> None:
    settings = {"encoder": "signal", "signal": "pulse", "input_size": 2, "hidden_size": 4}
    encoder = ENCODERS["signal"](check_encoder_config("pulse", settings), 3)
    encoder.save(folder / "encoders" / "pulse")
    info = {
        "format": FORMAT, "name": "demo-1", "labels": ["joy", "anger", "neutral"], "protocol": "offline", "modalities": ["pulse"],
        "prior": [0.5, 0.25, 0.25], "calibrations": {"pulse": {"prior_weight": 0.5, "temperature": 1.5}}, "corpus": "demo",
        "warning": "It is a toy.", "dev_f1_weighted": 0.5,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(info))
    scores = {"count": 9, "scores": [number / 10 for number in range(1, 10)]}
    (folder / "conformal.json").write_text(json.dumps({"score": "1 - p(true label)", "subsets": {"any": scores}}))


def read_model(folder: Path) -> None:
    found = Predictor.load(folder).predict_text("Hi!")
    assert all(math.isfinite(p) for p in found.probabilities.values())
    json.dumps(found.to_dict())


def only_json(files: Callable[[Path], Files]) -> Callable[[Path], Files]:
    return lambda folder: {name: content for name, content in files(folder).items() if name.endswith(".json")}


KINDS: dict[str, Kind] = {
    **{f"transcript: {name}": transcript(*each) for name, each in WRITERS.items()},
    **{f"annotation: {name}": annotation(name) for name, each in FORMATS.items() if each.has_times},
    "corrections": Kind(
        just({"c.csv": "split,dialogue,utterance,speaker,text,start,end,emotion,clip\ntrain,talk,0,Ann,Hi,0.5,1.5,joy,talk.mp4\n"}),
        lambda folder: read_corrections(folder / "c.csv", SEVEN, Path("talk.mp4")),
    ),
    "table": corpus_kind("table:FOLDER/t.csv", just({"t.csv": TABLE})),
    "table with semicolons": corpus_kind("table:FOLDER/t.csv", just({"t.csv": "sep=;\n" + TABLE.replace(",", ";")})),
    "meld": corpus_kind(
        "meld:FOLDER",
        just({"train_sent_emo.csv": "Sr No.,Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n1,Hi!,Ann,joy,0,0,8,21,\"00:16:16,059\",\"00:16:21,731\"\n2,No.,Bo,anger,0,1,8,21,0:16:22.000,0:16:23.5\n"}),
    ),
    "iemocap": corpus_kind("iemocap:FOLDER", collect(make_session)),
    "mosi": corpus_kind("mosi:FOLDER", collect(write_mosi)),
    "goemotions": corpus_kind(
        "goemotions:FOLDER",
        just({"labels.txt": "anger\ndisgust\nfear\njoy\nsadness\nsurprise\nneutral\n", "train.tsv": "Hi!\t3\tabc\nNo.\t0,6\tdef\n"}),
    ),
    "splits of speakers": corpus_kind("savee:FOLDER", just({"splits.csv": "speaker,split\nDC,test\n", "DC/a01.wav": ""})),
    "fer2013": corpus_kind(
        "fer2013:FOLDER",
        lambda _: {"train.parquet": make_parquet({"image": [b"x", b"y"], "label": [0, 1], "name": ["a", "b"]})},
        is_text=False,
    ),
    "hugging face": corpus_kind(
        "hf:FOLDER",
        lambda _: {"train.parquet": make_parquet({"utterance": ["Hi!", "Größe"], "label": [0, 1], "speaker": ["Ann", "Bo"], "valence": [4.0, 1.0]})},
        is_text=False,
    ),
    "webdataset": corpus_kind("wds:FOLDER", make_shard, is_text=False),
    "json of a webdataset": Kind(make_json_shard, read_json_shard),
    "pack: table": corpus_kind("pack:FOLDER", pack_with(write_steps)),
    "pack: csv of a tool": corpus_kind("pack:FOLDER", pack_with(write_tool_csv)),
    "pack: npz": corpus_kind("pack:FOLDER", pack_with(write_npz), is_text=False),
    "pack: npy": corpus_kind("pack:FOLDER", pack_with(write_npy), is_text=False),
    "pack: pickle": corpus_kind("pack:FOLDER/a.pkl", lambda _: {"a.pkl": make_split_pickle()}, is_text=False),
    "configuration": Kind(just({"c.yaml": CONFIG}), lambda folder: load_config(file=folder / "c.yaml").to_settings()),
    "search space": Kind(
        just({"s.yaml": "fusion.dropout: {low: 0.0, high: 0.5}\ntext.epochs: [1, 2]\ntext.learning_rate: {low: 1e-5, high: 1e-3, log: true}\n"}),
        lambda folder: read_space(folder / "s.yaml"),
    ),
    "json": Kind(just({"a.json": '{"a": [1, {"b": null}]}'}), lambda folder: read_json(folder / "a.json")),
    "model: settings": Kind(collect(write_model), read_model),
    "model: tensors": Kind(collect(write_model), read_model, is_text=False),
}  # fmt: skip


def write_files(folder: Path, files: Files) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def list_damaged(kind: Kind, files: Files) -> list[str]:
    """The files that are damaged: of a kind with text and bytes, those that are meant."""
    suffix = (
        (".json", ".csv", ".txt", ".tsv", ".yaml")
        if kind.is_text
        else (".npz", ".npy", ".pkl", ".parquet", ".tar", ".safetensors")
    )
    return sorted(name for name in files if len(files) == 1 or name.endswith(suffix))


@pytest.fixture
def sample(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Kind, Files, Path]:
    """A kind, its files as they are meant, and an empty folder."""
    kind = KINDS[request.param]
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "made").mkdir()
    return kind, kind.files(tmp_path / "made"), tmp_path / "read"


@pytest.mark.parametrize("sample", KINDS, indirect=True)
@given(rng=st.randoms(use_true_random=False))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_damaged_file_is_read_or_refused_with_a_sentence(sample: tuple[Kind, Files, Path], rng: Random) -> None:
    kind, files, folder = sample
    name = rng.choice(list_damaged(kind, files))
    damaged = damage_text(files[name].decode(), rng) if kind.is_text else damage_bytes(files[name], rng)
    write_files(folder, files | {name: damaged})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of NumPy about what the reader refuses
            kind.read(folder)
    except MmercError as error:
        sentence = str(error)
        assert sentence.endswith((".", "?")) and "Traceback" not in sentence and len(sentence) < 2000
        sentence.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("sample", KINDS, indirect=True)
def test_the_files_are_read_as_they_are(sample: tuple[Kind, Files, Path]) -> None:
    kind, files, folder = sample
    write_files(folder, files)
    assert list_damaged(kind, files) != []
    kind.read(folder)
