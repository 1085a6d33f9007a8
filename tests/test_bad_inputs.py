"""What users hand over that is broken, and what they see of it: a sentence, a reported problem, a missing modality."""

import errno
import json
import os
import pickle
import resource
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.io import wavfile
from typer.testing import CliRunner, Result

from mmerc.cli import app
from mmerc.corpora import Clip, Corpus, Dialogue, Utterance
from mmerc.emotions import SEVEN
from mmerc.inference import Predictor
from mmerc.media import read_frames
from mmerc.media.inspection import broken_clips

pytestmark = pytest.mark.timeout(60)

TABLE = "dialogue,utterance,speaker,text,emotion\n"
SPLITS = "split,dialogue,utterance,speaker,text,emotion\n"
TIMED = "dialogue,utterance,speaker,text,start,end\n"
CLIPPED = "dialogue,utterance,speaker,text,clip,clip_start,clip_end\n"
MELD = "Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID,StartTime,EndTime\n"
RATE = 16_000


def bug(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.xfail(strict=True, reason=reason)


def run(arguments: list[Any]) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


# ---- the bench: where bad inputs are made --------------------------------------------------------------------------


@dataclass
class Bench:
    """An empty folder, a way to change the world for one test, and the good run and corpus to damage copies of."""

    folder: Path
    patch: pytest.MonkeyPatch
    request: pytest.FixtureRequest

    @property
    def corpus(self) -> Path:
        return self.request.getfixturevalue("small_corpus")

    @property
    def clip(self) -> Path:
        """A good clip, with a voice and a face."""
        return self.request.getfixturevalue("good_clip")

    def file(self, name: str, content: bytes | str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def table(self, content: bytes | str) -> str:
        return f"table:{self.file('talk.csv', content)}"

    def meld(self, content: bytes | str) -> str:
        return f"meld:{self.file('meld/test_sent_emo.csv', content).parent}"

    def run(self) -> Path:
        """A copy of the good run. Its files are links: replace them, never write into them."""
        good = self.request.getfixturevalue("small_run")
        shutil.copytree(good, self.folder / "run", copy_function=os.link)
        self.file("run/log.jsonl", (good / "log.jsonl").read_bytes())
        return self.folder / "run"

    def spoil(self, name: str, content: bytes | str) -> Path:
        """A copy of the good run, one of its files with other content."""
        found = self.run()
        self.file(f"run/{name}", content)
        return found

    def edit(self, name: str, **changes: Any) -> Path:
        """A copy of the good run, with other values in one of its JSON files; a value `None` takes the key away."""
        found = self.run()
        settings = json.loads((found / name).read_text()) | changes
        return_value = {key: value for key, value in settings.items() if value is not None}
        self.file(f"run/{name}", json.dumps(return_value))
        return found

    def without(self, name: str) -> Path:
        """A copy of the good run that lacks a file or folder."""
        found = self.run()
        gone = found / name
        if gone.is_dir():
            shutil.rmtree(gone)
        else:
            gone.unlink()
        return found

    def full_disk(self) -> None:
        """Renaming, the last step of every write, fails as it does on a full disk."""

        def fails(here: Path, there: Path) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(here))

        self.patch.setattr(Path, "replace", fails)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Bench:
    return Bench(tmp_path, monkeypatch, request)


@pytest.fixture(scope="module")
def predictor(small_run: Path) -> Predictor:
    return Predictor.load(small_run / "model")


@pytest.fixture(scope="module")
def good_clip(small_corpus: Path, predictor: Predictor) -> Path:
    for clip in sorted(small_corpus.glob("*/*.mp4")):
        if predictor.predict_clip(clip)[0]["modalities"] == ["audio", "face"]:
            return clip
    raise AssertionError("no clip of the small corpus has both a voice and a face")


# ---- one sentence on stderr, exit code 2 ----------------------------------------------------------------------------

Arguments = Callable[[Bench], list[Any]]


def check(location: str) -> list[Any]:
    return ["corpus", "check", location]


def train(bench: Bench, *options: Any, corpus: str | None = None, out: Any = None, preset: str = "smoke") -> list[Any]:
    where = ["train", corpus or f"meld:{bench.corpus}", "--out", out or bench.folder / "out"]
    return [*where, *(["--preset", preset] if preset else []), *options]


def setting(override: str) -> Arguments:
    return lambda bench: train(bench, "--set", override)


def yaml_file(content: bytes | str) -> Arguments:
    return lambda bench: train(bench, "--config", bench.file("settings.yaml", content), preset="")


def predict(bench: Bench, run_folder: Path, *options: Any) -> list[Any]:
    return ["predict", run_folder / "model", bench.table(TABLE + "1,1,Ann,Hello.,joy\n"), *options]


def checkpoint_of_another_shape(bench: Bench) -> list[Any]:
    found = bench.run()
    file = found / "model/encoders/text/model.safetensors"
    tensors = load_file(file)
    tensors["speakers.weight"] = torch.zeros(3, 8)
    file.unlink()
    save_file(tensors, file)
    return predict(bench, found)


def checkpoint_of_another_network(bench: Bench) -> list[Any]:
    found = bench.run()
    file = found / "model/encoders/text/model.safetensors"
    file.unlink()
    save_file({"weight": torch.zeros(3)}, file)
    return predict(bench, found)


def truncated_safetensors(bench: Bench) -> list[Any]:
    name = "model/encoders/text/model.safetensors"
    return predict(bench, bench.spoil(name, (bench.request.getfixturevalue("small_run") / name).read_bytes()[:1000]))


def spoilt_features(content: bytes) -> Arguments:
    def make(bench: Bench) -> list[Any]:
        found = bench.run()
        file = next((found / "features/text").glob("*.arrow"))
        bench.file(str(file.relative_to(bench.folder)), content or file.read_bytes()[:300])
        return ["report", found]

    return make


def foreign_arrow(bench: Bench) -> list[Any]:
    import pyarrow as pa

    found = bench.run()
    table = pa.table({"a": [1]})
    with pa.OSFile(str(found / "features/text/other.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table)
    return ["report", found]


def changed_corpus(*command: str) -> Arguments:
    """The run's corpus gains a test row after training."""

    def make(bench: Bench) -> list[Any]:
        found = bench.run()
        shutil.copytree(bench.corpus, bench.folder / "meld", copy_function=os.link)
        annotations = bench.folder / "meld/test_sent_emo.csv"
        more = annotations.read_text() + '99,One more.,Ann,joy,positive,77,0,1,1,"00:00:01,000","00:00:02,000"\n'
        bench.file("meld/test_sent_emo.csv", more)
        settings = (found / "config.yaml").read_text().replace(str(bench.corpus), str(bench.folder / "meld"))
        bench.file("run/config.yaml", settings)
        if command[0] == "train":
            return train(bench, corpus=f"meld:{bench.folder / 'meld'}", out=found)
        return [command[0], found]

    return make


def mirror(bench: Bench, name: str, filename: str, content: bytes) -> list[Any]:
    """A mirror that holds one file, and an empty cache."""
    bench.patch.setenv("MMERC_WEIGHTS", str(bench.file(f"mirror/{filename}", content).parent))
    bench.patch.setenv("MMERC_CACHE", str(bench.folder / "cache"))
    return ["weights", "fetch", name]


def list_checkpoint(bench: Bench) -> list[Any]:
    file = bench.folder / "list.pt"
    torch.save([1, 2], file)
    return mirror(bench, "vggface2", "20180402-114759-vggface2.pt", file.read_bytes())


def mirror_into_no_cache(bench: Bench) -> list[Any]:
    file = bench.folder / "state.pt"
    torch.save({"weight": torch.zeros(1)}, file)
    arguments = mirror(bench, "vggface2", "20180402-114759-vggface2.pt", file.read_bytes())
    bench.patch.setenv("MMERC_CACHE", "/dev/null/cache")
    return arguments


def no_detector(bench: Bench) -> list[Any]:
    bench.patch.setenv("MMERC_CACHE", str(bench.folder / "cache"))
    bench.patch.delenv("MMERC_WEIGHTS", raising=False)
    return train(bench, "--modalities", "face")


def full_disk_predict(bench: Bench) -> list[Any]:
    arguments = predict(bench, bench.run(), "--out", bench.folder / "rows.jsonl")
    bench.full_disk()
    return arguments


def full_disk_evaluate(bench: Bench) -> list[Any]:
    arguments = ["evaluate", bench.run()]
    bench.full_disk()
    return arguments


def full_disk_train(bench: Bench) -> list[Any]:
    arguments = train(bench)
    bench.full_disk()
    return arguments


def files_limited_to_4_kb(bench: Bench) -> list[Any]:
    """Every write behind a file's first 4096 bytes fails, in compiled libraries too; training is done by then."""
    found = bench.run()
    shutil.rmtree(found / "predictions")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    bench.request.addfinalizer(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard)))
    arguments = train(bench, out=found)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    return arguments


def somebody_elses_folder(bench: Bench) -> list[Any]:
    bench.patch.setattr("mmerc.corpora.synthetic.DIALOGUES", {"train": 1})
    bench.patch.setattr("mmerc.corpora.synthetic.TURNS", 1)
    bench.file("letters/letter.txt", "Dear Ann")
    return check(f"synthetic:{bench.folder / 'letters'}")


TWO_LABELLED = SPLITS + "train,1,0,Ann,Hello there.,joy\ntrain,2,0,Bob,Go away.,anger\n"

SENTENCES: list[tuple[str, Arguments, str] | tuple[str, Arguments, str, str]] = [
    # corpora
    ("no kind of corpus", lambda b: check("talk.csv"), "is not a corpus: write KIND:PATH"),
    ("unknown kind of corpus", lambda b: check("iemocap:/tmp"), "with KIND one of meld, table, synthetic"),
    ("corpus at an absent path", lambda b: check(f"table:{b.folder}/none.csv"), "there is nothing at"),
    ("corpus with an empty path", lambda b: check("meld:"), "check the path"),
    ("home of an unknown user", lambda b: check("meld:~nobody-of-that-name/meld"), "check the path"),
    ("path of 5000 letters", lambda b: check("table:/" + "a" * 5000), "check the path"),
    ("folder as a table", lambda b: check(f"table:{b.folder}"), "cannot be read (Is a directory)"),
    ("CSV lacks a column", lambda b: check(b.table("dialogue,utterance,speaker\n1,1,Ann\n")), "lacks the column text"),
    ("CSV is empty", lambda b: check(b.table("")), "lacks the column dialogue (found: nothing)"),
    ("CSV has only a header", lambda b: check(b.table(TABLE)), "has a header but no rows"),
    ("CSV in UTF-16", lambda b: check(b.table((TABLE + "1,1,A,Hi,joy\n").encode("utf-16"))), "holds NUL bytes"),
    ("CSV with NUL bytes", lambda b: check(b.table(TABLE + "1,1,A,H\0i,joy\n")), "export it as CSV in UTF-8"),
    ("CSV separated by semicolons", lambda b: check(b.table(TABLE.replace(",", ";") + "1;1;A;Hi;joy\n")), "lacks the"),
    ("CSV field of 17 MB", lambda b: check(b.table(TABLE + "1,1,A," + "a" * 17_000_000 + ",joy\n")), "talk.csv"),
    ("MELD folder without annotations", lambda b: check(f"meld:{b.folder}"), "holds none of train_sent_emo.csv"),
    ("MELD annotations with only a header", lambda b: check(b.meld(MELD)), "no rows"),
    ("MELD annotations lack a column", lambda b: check(b.meld("Utterance,Speaker\n")), "lacks the column Dialogue_ID"),
    ("synthetic corpus below a file", lambda b: check("synthetic:/dev/null/x"), "cannot be created"),
    ("synthetic corpus in a folder with letters", somebody_elses_folder, "letters"),
    ("training without a train split", lambda b: train(b, corpus=b.table(TABLE + "1,1,A,Hi,joy\n")), "split=train"),
    ("training without labels", lambda b: train(b, corpus=b.table(SPLITS + "train,1,1,A,Hi,\n")), "labelled: none"),
    (
        "training on one dialogue",
        lambda b: train(b, corpus=b.table(SPLITS + "train,1,1,A,Hi,joy\n")),
        "only one training dialogue",
    ),
    (
        "training a modality that nothing has",
        lambda b: train(b, "--modalities", "audio", corpus=b.table(TWO_LABELLED)),
        "audio: not one labelled utterance of the train split has it",
    ),
    # configuration
    ("unknown setting", setting("text.epoch=3"), 'did you mean "epochs"?'),
    ("unknown setting of the run", setting("sed=3"), 'did you mean "seed"?'),
    ("setting of the wrong type", setting("text.epochs=many"), "valid integer"),
    ("setting out of its range", setting("text.batch_size=0"), '"text.batch_size" is 0'),
    ("learning rate that is no number", setting("text.learning_rate=.nan"), "text.learning_rate"),
    ("infinite learning rate", setting("text.learning_rate=.inf"), "text.learning_rate"),
    ("override without a value", setting("text.epochs"), "write it as key.path=value"),
    ("override without a key", setting("=3"), "write it as key.path=value"),
    ("override into a value", setting("seed.x=3"), 'reaches into "seed"'),
    ("override in bad YAML", setting("text.epochs=[1"), "is not valid YAML"),
    ("override with an impossible date", setting("seed=2020-13-45"), "is not valid YAML"),
    ("encoder given as a list", setting("text.encoder=[gpt]"), "choose one of gpt"),
    ("unknown encoder", setting("text.encoder=lstm"), "choose one of gpt, bert, wavernn, spectrogram, face"),
    ("value in place of a section", setting("fusion=5"), '"fusion" is 5'),
    ("heads that do not divide the width", setting("fusion.heads=3"), "heads"),
    ("unknown preset", lambda b: train(b, preset="huge"), "choose one of paper, compact, smoke"),
    ("preset and file", lambda b: train(b, "--config", b.file("a.yaml", "seed: 1")), "exclude each other"),
    ("unknown modality", lambda b: train(b, "--modalities", "text,smell"), 'has no modality "smell"'),
    ("no modality", lambda b: train(b, "--modalities", ""), "it has text, audio, face"),
    ("configuration file is absent", lambda b: train(b, "--config", "/none.yaml", preset=""), "cannot be read"),
    ("configuration is bad YAML", yaml_file("text: [1\n"), "is not valid YAML"),
    ("configuration is a list", yaml_file("- text\n"), "does not hold a YAML mapping"),
    ("configuration in UTF-16", yaml_file("seed: 1\n".encode("utf-16")), "give a YAML file in UTF-8"),
    ("configuration holds a Python object", yaml_file("seed: !!python/object:os.x {}\n"), "is not valid YAML"),
    ("configuration has no modality", yaml_file("seed: 1\n"), "add a section with an encoder"),
    ("section without an encoder", yaml_file("smell:\n  epochs: 1\n"), "it has no encoder"),
    ("number as a modality's name", yaml_file("1:\n  encoder: gpt\n"), "cannot name a modality"),
    ("path as a modality's name", yaml_file("../x:\n  encoder: gpt\n"), "cannot name a modality"),
    # where results go
    ("output below a file", lambda b: train(b, out="/dev/null/run"), "cannot be created (Not a directory)"),
    ("output is a file", lambda b: train(b, out=b.file("run.txt", "x")), "is not a run folder: choose another --out"),
    ("output is another folder", lambda b: train(b, out=b.file("a/x.txt", "x").parent), "choose another --out"),
    ("output name of 300 letters", lambda b: train(b, out=b.folder / ("a" * 300)), "choose another"),
    ("predictions below a file", lambda b: predict(b, b.run(), "--out", "/dev/null/x"), "cannot be created"),
    ("predictions into a folder", lambda b: predict(b, b.run(), "--out", b.folder), "cannot be written"),
    ("full disk while training", full_disk_train, "No space left on device"),
    ("full disk while predicting", full_disk_predict, "No space left on device"),
    ("full disk while evaluating", full_disk_evaluate, "free some space"),
    ("disk full at 4 kB of each file", files_limited_to_4_kb, "cannot be written"),
    # runs
    ("run of another configuration", lambda b: train(b, "--set", "text.epochs=9", out=b.run()), "text.epochs is 2 there"),
    ("run of another corpus", changed_corpus("train"), "holds a run on another corpus"),
    ("evaluation of a changed corpus", changed_corpus("evaluate"), "corpus"),
    ("report on a changed corpus", changed_corpus("report"), "corpus"),
    ("evaluation of no run", lambda b: ["evaluate", b.folder], "is not a run folder (it has no config.yaml)"),
    ("report on no run", lambda b: ["report", b.folder / "none"], "is not a run folder"),
    ("unknown split", lambda b: ["evaluate", b.run(), "--split", "val"], 'has no split "val"'),
    ("split without predictions", lambda b: ["evaluate", b.run(), "--split", "train"], "that it predicted"),
    ("run's configuration is damaged", lambda b: ["evaluate", b.spoil("config.yaml", "a: [")], "cannot be read"),
    ("run's configuration is empty", lambda b: ["evaluate", b.spoil("config.yaml", "")], "holds no settings"),
    ("run's seeds are a word", lambda b: ["evaluate", b.spoil("config.yaml", "seeds: two\n")], "config.yaml"),
    ("run's metrics are damaged", lambda b: ["evaluate", b.spoil("metrics.json", '{"te')], "cannot be read as JSON"),
    ("run's metrics are a list", lambda b: ["evaluate", b.spoil("metrics.json", "[]")], "metrics.json"),
    ("run's predictions are damaged", lambda b: ["evaluate", b.spoil("predictions/test.jsonl", '{"s')], "test.jsonl"),
    ("run's history is damaged", lambda b: ["report", b.spoil("encoders/text/history.json", "[")], "as JSON"),
    ("run's embeddings are gone", lambda b: ["report", b.without("predictions/test.safetensors")], "safetensors"),
    ("feature file is text", spoilt_features(b"hello"), "is not a feature file"),
    ("feature file is truncated", spoilt_features(b""), "is not a feature file"),
    ("feature file of another program", foreign_arrow, "is not a feature file"),
    # models
    ("run in place of its model", lambda b: ["predict", b.run(), b.clip], "in the folder model inside it"),
    ("folder that is no model", lambda b: ["predict", b.folder, b.clip], "is not a model folder"),
    ("model of a newer format", lambda b: predict(b, b.edit("model/config.json", format=2)), "update mmerc"),
    ("model's settings are damaged", lambda b: predict(b, b.spoil("model/config.json", "{")), "as JSON"),
    ("model's settings are a list", lambda b: predict(b, b.spoil("model/config.json", "[]")), "config.json"),
    ("model's settings lack the labels", lambda b: predict(b, b.edit("model/config.json", labels=None)), "labels"),
    ("model's settings lack the prior", lambda b: predict(b, b.edit("model/config.json", prior=None)), "prior"),
    ("model with a label too few", lambda b: predict(b, b.edit("model/config.json", labels=["joy"])), "labels"),
    ("model lacks an encoder", lambda b: predict(b, b.without("model/encoders/audio")), "a complete run or model"),
    ("model lacks its tensors", lambda b: predict(b, b.without("model/encoders/text/model.safetensors")), "complete?"),
    ("model lacks its tokenizer", lambda b: predict(b, b.without("model/encoders/text/backbone")), "text"),
    (
        "encoder of a newer program",
        lambda b: predict(b, b.edit("model/encoders/text/config.json", encoder="gpt9")),
        "does not know: update mmerc",
    ),
    ("encoder without its classes", lambda b: predict(b, b.edit("model/encoders/text/config.json", classes=None)), "classes"),
    ("checkpoint of another shape", checkpoint_of_another_shape, "speakers.weight has shape [3, 8]"),
    ("checkpoint of another network", checkpoint_of_another_network, "it was made for another network"),
    (
        "pickle in place of safetensors",
        lambda b: predict(b, b.spoil("model/encoders/text/model.safetensors", pickle.dumps({"a": 1}))),
        "pickled weights are not loaded",
    ),
    ("truncated safetensors", truncated_safetensors, "is not a safetensors file"),
    # weights
    ("unknown weights", lambda b: ["weights", "fetch", "resnet"], "choose one of mtcnn, vggface2"),
    (
        "damaged wheel in the mirror",
        lambda b: mirror(b, "mtcnn", "facenet_pytorch-2.5.3-py3-none-any.whl", b"PK"),
        "delete it and fetch it again",
    ),
    (
        "text as a checkpoint in the mirror",
        lambda b: mirror(b, "vggface2", "20180402-114759-vggface2.pt", b"hello"),
        "is not a PyTorch checkpoint",
    ),
    ("checkpoint that holds a list", list_checkpoint, "is not a PyTorch checkpoint"),
    ("cache that cannot be written", mirror_into_no_cache, "cannot be created"),
    ("weights that were never fetched", no_detector, "run `mmerc weights fetch mtcnn`"),
    # inputs of predict
    ("input that is not there", lambda b: ["predict", b.run() / "model", "/none"], "is neither a file nor a folder"),
    ("folder without clips", lambda b: ["predict", b.run() / "model", b.file("a/b.txt", "").parent], "holds no audio"),
    (
        "split that the input lacks",
        lambda b: ["predict", b.run() / "model", b.table(TABLE + "1,1,A,Hi,joy\n") + "#dev"],
        'has no split "dev"',
    ),
]


@pytest.mark.parametrize(("make", "sentence"), [pytest.param(*row[1:3], id=row[0]) for row in SENTENCES])
def test_bad_input_gives_one_sentence(bench: Bench, make: Arguments, sentence: str) -> None:
    result = run(make(bench))

    assert isinstance(result.exception, SystemExit), f"{type(result.exception).__name__}: {result.exception}"
    assert result.exit_code == 2
    assert result.stderr.count("error: ") == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
