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
from mmerc.media.inspection import check_clips
from mmerc.model.folder import FORMAT
from mmerc.model.model import extract_dialogues

pytestmark = pytest.mark.timeout(300)

TABLE = "dialogue,utterance,speaker,text,emotion\n"
SPLITS = "split,dialogue,utterance,speaker,text,emotion\n"
TIMED = "dialogue,utterance,speaker,text,start,end\n"
CLIPPED = "dialogue,utterance,speaker,text,clip,clip_start,clip_end\n"
MELD = "Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID,StartTime,EndTime\n"
RATE = 16_000


def rows(table: list[Any]) -> list[Any]:
    """The table's rows as parameters, named by their first cell."""
    return [pytest.param(*row, id=name) for name, *row in table]


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
        kept = {key: value for key, value in settings.items() if value is not None}
        self.file(f"run/{name}", json.dumps(kept))
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
        if predictor.predict_clip(clip).modalities == ("audio", "face"):
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


def somebody_elses_folder(bench: Bench) -> list[Any]:
    bench.patch.setattr("mmerc.corpora.synthetic.DIALOGUES", {"train": 1})
    bench.patch.setattr("mmerc.corpora.synthetic.UTTERANCES", 1)
    bench.file("letters/letter.txt", "Dear Ann")
    return check(f"synthetic:{bench.folder / 'letters'}")


def seeds_in_words(bench: Bench) -> list[Any]:
    found = bench.run()
    bench.file("run/config.yaml", (found / "config.yaml").read_text().replace("seeds: 1", "seeds: two"))
    return ["evaluate", found]


TWO_LABELLED = SPLITS + "train,1,0,Ann,Hello there.,joy\ntrain,2,0,Bob,Go away.,anger\n"

# name, command, what its sentence says
SENTENCES: list[tuple[str, Arguments, str]] = [
    # corpora
    ("no kind of corpus", lambda b: check("talk.csv"), "is not a corpus: write KIND:PATH"),
    (
        "unknown kind of corpus",
        lambda b: check("nothing:/tmp"),
        "with KIND one of meld, table, fer2013, goemotions, ",
    ),
    (
        "corpus of a user who is not",
        lambda b: ["predict", b.run() / "model", "table:~nobody99/t.csv#test", "--out", b.folder / "o"],
        "is not a path",
    ),
    ("corpus at an absent path", lambda b: check(f"table:{b.folder}/none.csv"), "there is nothing at"),
    ("corpus with an empty path", lambda b: check("meld:"), "write meld:PATH"),
    ("home of an unknown user", lambda b: check("meld:~nobody-of-that-name/meld"), "check the path"),
    ("path of 5000 letters", lambda b: check("table:/" + "a" * 5000), "check the path"),
    ("folder as a table", lambda b: check(f"table:{b.folder}"), "cannot be read (Is a directory)"),
    ("CSV lacks a column", lambda b: check(b.table("dialogue,utterance,speaker\n1,1,Ann\n")), "lacks the column text"),
    ("CSV is empty", lambda b: check(b.table("")), "lacks the column dialogue (found: nothing)"),
    ("CSV has only a header", lambda b: check(b.table(TABLE)), "has a header but no rows"),
    ("CSV with NUL bytes", lambda b: check(b.table(TABLE + "1,1,A,H\0i,joy\n")), "export it as CSV in UTF-8"),
    ("CSV separated by tildes", lambda b: check(b.table(TABLE.replace(",", "~") + "1~1~A~Hi~joy\n")), "lacks the"),
    ("CSV field of 17 MB", lambda b: check(b.table(TABLE + "1,1,A," + "a" * 17_000_000 + ",joy\n")), "talk.csv"),
    ("MELD folder without annotations", lambda b: check(f"meld:{b.folder}"), "has none of train_sent_emo.csv"),
    (
        "MELD annotations with only a header",
        lambda b: check(b.meld(MELD)),
        "MELD has no row that can be used. It has no rows",
    ),
    (
        "MELD annotations of which no row can be used",
        lambda b: check(b.meld(MELD + "Hi,Ann,joy,x,0,,\n")),
        'row 2: has no whole-number ids (Dialogue_ID "x", Utterance_ID "0")',
    ),
    (
        "table of a Git LFS pointer",
        lambda b: check(b.table("version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 9\n")),
        "is a Git LFS pointer and not the file itself: run `git lfs pull`",
    ),
    ("MELD annotations lack a column", lambda b: check(b.meld("Utterance,Speaker\n")), "lacks the column Dialogue_ID"),
    ("synthetic corpus below a file", lambda b: check("synthetic:/dev/null/x"), "cannot be created"),
    ("synthetic corpus in a folder with letters", somebody_elses_folder, "letters"),
    ("training without a train split", lambda b: train(b, corpus=b.table(TABLE + "1,1,A,Hi,joy\n")), "split=train"),
    (
        "training without labels",
        lambda b: train(b, corpus=b.table(SPLITS + "train,1,1,A,Hi,\n")),
        "labelled splits: none",
    ),
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
    ("infinite learning rate", setting("text.learning_rate=.inf"), "lower its learning_rate (inf)"),
    ("override without a value", setting("text.epochs"), "write it as KEY.PATH=VALUE"),
    ("override without a key", setting("=3"), "write it as KEY.PATH=VALUE"),
    ("override into a value", setting("text.epochs.x=3"), 'leads through "epochs"'),
    ("override in bad YAML", setting("text.epochs=[1"), "is not valid YAML"),
    ("override with an impossible date", setting("seed=2020-13-45"), "is not valid YAML"),
    ("override nested 3000 deep", setting("seed=" + "[" * 3000), "is not valid YAML"),
    ("encoder given as a list", setting("text.encoder=[gpt]"), "choose one of gpt"),
    (
        "unknown encoder",
        setting("text.encoder=lstm"),
        "choose one of gpt, bert, dialogue, wavernn, spectrogram, pretrained, face, signal",
    ),
    ("value in place of a section", setting("fusion=5"), '"fusion" is 5'),
    ("heads that do not divide the width", setting("fusion.num_heads=5"), "must be divisible by fusion.num_heads (5)"),
    ("unknown preset", lambda b: train(b, preset="huge"), "choose one of compact, base, paper"),
    ("preset and file", lambda b: train(b, "--config", b.file("a.yaml", "seed: 1")), "exclude each other"),
    ("unknown modality", lambda b: train(b, "--modalities", "text,smell"), 'has no modality "smell"'),
    ("no modality", lambda b: train(b, "--modalities", ""), "it has text, audio, face"),
    ("configuration file is absent", lambda b: train(b, "--config", "/none.yaml", preset=""), "cannot be read"),
    ("configuration is bad YAML", yaml_file("text: [1\n"), "is not valid YAML"),
    ("configuration is a list", yaml_file("- text\n"), "does not hold a YAML mapping"),
    ("configuration in UTF-16", yaml_file("seed: 1\n".encode("utf-16")), "give a YAML file in UTF-8"),
    ("configuration holds a Python object", yaml_file("seed: !!python/object:os.x {}\n"), "is not valid YAML"),
    ("configuration has no modality", yaml_file("seed: 1\n"), "add a section such as modalities.text"),
    ("section without an encoder", yaml_file("modalities: {smell: {epochs: 1}}\n"), "has no encoder: choose"),
    ("number as a modality's name", yaml_file("modalities: {1: {encoder: gpt}}\n"), "cannot name a modality"),
    ("path as a modality's name", yaml_file("modalities: {../x: {encoder: gpt}}\n"), "cannot name a modality"),
    # where results go
    ("output below a file", lambda b: train(b, out="/dev/null/run"), "cannot be created (Not a directory)"),
    ("output is a file", lambda b: train(b, out=b.file("run.txt", "x")), "is not a run folder: choose another --out"),
    ("output is another folder", lambda b: train(b, out=b.file("a/x.txt", "x").parent), "choose another --out"),
    ("output name of 300 letters", lambda b: train(b, out=b.folder / ("a" * 300)), "choose another"),
    ("predictions below a file", lambda b: predict(b, b.run(), "--out", "/dev/null/x"), "cannot be written"),
    (
        "predictions into a folder",
        lambda b: predict(b, b.run(), "--out", b.folder),
        "is a folder: give the name of a file",
    ),
    ("full disk while training", full_disk_train, "No space left on device"),
    ("full disk while predicting", full_disk_predict, "No space left on device"),
    ("full disk while evaluating", full_disk_evaluate, "free some space"),
    # runs
    (
        "run of another configuration",
        lambda b: train(b, "--set", "text.epochs=9", out=b.run()),
        "modalities.text.epochs is 2 in the folder",
    ),
    ("run of another corpus", changed_corpus("train"), "holds a run on another corpus"),
    ("evaluation of a changed corpus", changed_corpus("evaluate"), "corpus"),
    ("report on a changed corpus", changed_corpus("report"), "corpus"),
    ("evaluation of no run", lambda b: ["evaluate", b.folder], "is not a run folder (it has no config.yaml)"),
    ("report on no run", lambda b: ["report", b.folder / "none"], "is not a run folder"),
    ("unknown split", lambda b: ["evaluate", b.run(), "--split", "val"], 'has no split "val"'),
    ("split without predictions", lambda b: ["evaluate", b.run(), "--split", "train"], "choose a split that it pr"),
    ("run's configuration is damaged", lambda b: ["evaluate", b.spoil("config.yaml", "a: [")], "cannot be read"),
    ("run's configuration is empty", lambda b: ["evaluate", b.spoil("config.yaml", "")], "holds no settings"),
    ("run's seeds are a word", seeds_in_words, "config.yaml"),
    ("run's metrics are damaged", lambda b: ["evaluate", b.spoil("metrics.json", '{"te')], "cannot be read as JSON"),
    ("run's metrics are a list", lambda b: ["evaluate", b.spoil("metrics.json", "[]")], "metrics.json"),
    ("run's predictions are damaged", lambda b: ["evaluate", b.spoil("predictions/test.jsonl", '{"s')], "test.jsonl"),
    ("run's history is damaged", lambda b: ["report", b.spoil("encoders/text/history.json", "[")], "as JSON"),
    ("run's embeddings are gone", lambda b: ["report", b.without("predictions/test.safetensors")], "safetensors"),
    ("feature file is text", spoilt_features(b"hello"), "has 5 bytes in place of"),
    ("feature file is truncated", spoilt_features(b""), "has 300 bytes in place of"),
    ("feature file of another program", foreign_arrow, "is not a feature file"),
    # models
    ("run in place of its model", lambda b: ["predict", b.run(), b.clip], "in the folder model inside it"),
    ("folder that is no model", lambda b: ["predict", b.folder, b.clip], "is not a model folder"),
    ("model of a newer format", lambda b: predict(b, b.edit("model/config.json", format=FORMAT + 1)), "update mmerc"),
    ("model's settings are damaged", lambda b: predict(b, b.spoil("model/config.json", "{")), "as JSON"),
    ("model's settings are a list", lambda b: predict(b, b.spoil("model/config.json", "[]")), "config.json"),
    ("model's settings lack the labels", lambda b: predict(b, b.edit("model/config.json", labels=None)), "labels"),
    ("model's settings lack the prior", lambda b: predict(b, b.edit("model/config.json", prior=None)), "prior"),
    ("model with a label too few", lambda b: predict(b, b.edit("model/config.json", labels=["joy"])), "labels"),
    ("model lacks an encoder", lambda b: predict(b, b.without("model/encoders/audio")), "a complete run or model"),
    (
        "model lacks its tensors",
        lambda b: predict(b, b.without("model/encoders/text/model.safetensors")),
        "is complete",
    ),
    ("model lacks its tokenizer", lambda b: predict(b, b.without("model/encoders/text/backbone")), "text"),
    (
        "encoder of a newer program",
        lambda b: predict(b, b.edit("model/encoders/text/config.json", encoder="gpt9")),
        "does not know: update mmerc",
    ),
    (
        "encoder without its classes",
        lambda b: predict(b, b.edit("model/encoders/text/config.json", num_classes=None)),
        "num_classes",
    ),
    ("checkpoint of another shape", checkpoint_of_another_shape, "speakers.weight has shape [3, 8]"),
    ("checkpoint of another network", checkpoint_of_another_network, "it was made for another network"),
    (
        "pickle in place of safetensors",
        lambda b: predict(b, b.spoil("model/encoders/text/model.safetensors", pickle.dumps({"a": 1}))),
        "pickled weights are not loaded",
    ),
    ("truncated safetensors", truncated_safetensors, "is not a safetensors file"),
    # weights
    (
        "unknown weights",
        lambda b: ["weights", "fetch", "resnet"],
        "choose one of mtcnn, yunet, voice-encoder, speaker-segmentation, mpnet, whisper-base, vggface2",
    ),
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
    ("table without its kind", lambda b: ["predict", b.run() / "model", b.table(TABLE)[6:]], "table:"),
    ("input name of 300 letters", lambda b: ["predict", b.run() / "model", "/" + "a" * 300], "is not a file, a folder"),
    ("input that is not there", lambda b: ["predict", b.run() / "model", "/none"], "is not a file, a folder"),
    (
        "folder without clips",
        lambda b: ["predict", b.run() / "model", b.file("a/b.txt", "").parent],
        "has no audio or video file",
    ),
    (
        "split that the input lacks",
        lambda b: ["predict", b.run() / "model", b.table(TABLE + "1,1,A,Hi,joy\n") + "#dev"],
        'has no split "dev"',
    ),
]


@pytest.mark.parametrize(("make", "sentence"), rows(SENTENCES))
def test_bad_input_gives_one_sentence(bench: Bench, make: Arguments, sentence: str) -> None:
    result = run(make(bench))

    assert isinstance(result.exception, SystemExit), f"{type(result.exception).__name__}: {result.exception}"
    assert result.exit_code == 2
    assert result.stderr.count("error: ") == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "options",
    [
        pytest.param([], id="table"),
        pytest.param(["--json"], id="json"),
    ],
)
def test_stdout_on_a_full_disk(bench: Bench, options: list[str]) -> None:
    command = "from mmerc.cli import main; main()"
    location = bench.table(TABLE + "1,1,Ann,Hello.,joy\n")
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-c", command, "corpus", "check", location, *options],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )

    assert result.returncode == 2
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr


def test_synthetic_corpus_leaves_somebody_elses_folder_alone(bench: Bench) -> None:
    run(somebody_elses_folder(bench))

    assert (bench.folder / "letters/letter.txt").read_text() == "Dear Ann"


# ---- a reported problem, and the row stays --------------------------------------------------------------------------

Location = Callable[[Bench], str]


def table(content: bytes | str) -> Location:
    return lambda bench: bench.table(content)


def meld(content: bytes | str) -> Location:
    return lambda bench: bench.meld(content)


def one_clip(name: str, start: str = "", end: str = "") -> Location:
    """A table whose only clip is `name`, beside a good clip `good.mp4`."""

    def make(bench: Bench) -> str:
        shutil.copy(bench.clip, bench.folder / "good.mp4")
        bench.file("empty.mp4", "")
        (bench.folder / "folder.mp4").mkdir()
        (bench.folder / "ring.mp4").symlink_to(bench.folder / "ring.mp4")
        return bench.table(CLIPPED + f"1,1,Ann,Hello.,{name},{start},{end}\n")

    return make


def meld_clip_that_is_a_folder(bench: Bench) -> str:
    (bench.folder / "meld/output_repeated_splits_test/dia0_utt0.mp4").mkdir(parents=True)
    return bench.meld(MELD + "Hi,Ann,joy,0,0,,\n")


def meld_with_stray_clips(bench: Bench) -> str:
    bench.file("meld/output_repeated_splits_test/dia0_utt0.mp4", "")
    bench.file("meld/output_repeated_splits_test/holiday.mp4", "")
    return bench.meld(MELD + "Hi,Ann,joy,0,0,,\n")


def meld_without_one_clip(bench: Bench) -> str:
    bench.file("meld/output_repeated_splits_test/dia0_utt1.mp4", "")
    return bench.meld(MELD + "Hi,Ann,joy,0,0,,\n")


# name, corpus, kind and text of the problem, utterances kept
PROBLEMS: list[tuple[str, Location, str, str, int]] = [
    ("text in Windows-1252",
     table((TABLE + "1,1,Ann,Café,joy\n").encode("cp1252")), "encoding", "read as cp1252", 1),
    ("text in Latin-1", table((TABLE + "1,1,Ann,é\x85,joy\n").encode("latin-1")), "encoding", "read as ", 1),
    ("key occurs twice", table(TABLE + "1,1,A,Hi,joy\n1,1,B,Ho,joy\n"), "duplicate", "the first row is kept", 1),
    ("misspelled label",
     table(TABLE + "".join(f"{n},1,A,a,joy\n" for n in range(9)) + "9,1,A,e,joyy\n"),
     "label", '"joyy" (1 of 10) looks like a misspelling', 10),
    ("several labels with markup", meld(MELD + 'Hi,Ann,"joy, anger, [/b]",0,0,,\nHo,Ann,[/b],0,1,,\n'), "label", "several", 2),
    ("row without an utterance id",
     table(TABLE + "1,,A,Hi,joy\n1,2,A,Ho,joy\n"), "row", "has no dialogue or utterance id", 1),
    ("row with a field too few", table(TABLE + "1,1,A,Hi\n"), "row", "has 4 fields", 1),
    ("row with a field too many", table(TABLE + "1,1,A,Hi,joy,7,8\n"), "row", "has 7 fields", 1),
    ("quote that is never closed",
     table("dialogue,utterance,speaker,text\n" + '1,1,A,"Hi\n1,2,B,Ho\n'), "row", "the next 1 lines became part", 1),
    ("end before start", table(TIMED + "1,1,A,Hi,5,4\n"), "time", "ends 1.000 s before it starts", 1),
    ("zero length", table(TIMED + "1,1,A,Hi,5,5\n"), "time", "has zero length", 1),
    ("300 s long", table(TIMED + "1,1,A,Hi,0:00,5:00\n"), "time", "lasts 300.0 s", 1),
    ("nonsense time", table(TIMED + "1,1,A,Hi,noon,6\n"), "time", '"noon" is not a time', 1) ,
    ("negative time", table(TIMED + "1,1,A,Hi,-3,6\n"), "time", "is not a time", 1),
    ("time that is no number", table(TIMED + "1,1,A,Hi,nan,6\n"), "time", "is not a time", 1),
    ("time of four parts", table(TIMED + "1,1,A,Hi,0:0:0:1,6\n"), "time", "is not a time", 1),
    ("infinite time", table(TIMED + "1,1,A,Hi,0,1e999\n"), "time", "is not a time", 1),
    ("id of 5000 digits", table(TIMED + "1" * 5000 + ",1,A,Hi,5,5\n"), "time", "has zero length", 1),
    ("clip is absent", one_clip("none.mp4"), "clip", "none.mp4 is absent", 1),
    ("clip outside the folder", one_clip("../../etc/passwd"), "clip", "not opened", 1),
    ("clip at an absolute path", one_clip("/etc/passwd"), "clip", "not opened", 1),
    ("clip is a folder", one_clip("folder.mp4"), "clip", "folder.mp4 is absent", 1),
    ("clip is a link to itself", one_clip("ring.mp4"), "clip", "ring.mp4", 1),
    ("clip's name of 300 letters", one_clip("a" * 300), "clip", "a" * 80, 1),
    ("clip is empty", one_clip("empty.mp4"), "audio", "is empty (0 bytes)", 1),
    ("clip ends before it starts", one_clip("good.mp4", "2", "1"), "time", "ends 1.000 s before it starts", 1),
    ("clip starts behind its end", one_clip("good.mp4", "900", "901"), "audio", "0 ms of audio", 1),
    ("clip starts in a thousand years", one_clip("good.mp4", "99999999999999", ""), "audio", "good.mp4", 1),
    ("MELD ids that are no numbers",
     meld(MELD + "Hi,Ann,joy,x,y,,\nHo,Ann,joy,0,1,,\n"), "row", "no whole-number ids", 1),
    ("MELD time in words", meld(MELD + "Hi,Ann,joy,0,0,soon,later\n"), "time", '"soon" is not a time', 1),
    ("MELD clip is absent", meld_without_one_clip, "clip", "dia0_utt0.mp4 is absent", 1),
    ("MELD clip is a folder", meld_clip_that_is_a_folder, "clip", "dia0_utt0.mp4", 1),
    ("MELD clip of another name", meld_with_stray_clips, "clip", "is not named dia<D>_utt<U>.mp4", 1),
]  # fmt: skip


@pytest.mark.parametrize(("make", "kind", "what", "kept"), rows(PROBLEMS))
def test_bad_row_is_reported_and_kept(bench: Bench, make: Location, kind: str, what: str, kept: int) -> None:
    location = make(bench)
    result = run(["corpus", "check", location, "--json"])

    assert result.exit_code == 0, f"{type(result.exception).__name__}: {result.exception}"
    counted = json.loads(result.stdout)
    assert [problem["what"] for problem in counted["problems"] if problem["kind"] == kind and what in problem["what"]]
    assert counted["splits"]["test"]["utterances"] == kept
    assert "Traceback" not in result.stderr
    shown = run(["corpus", "check", location])  # the table for people survives the same content
    assert shown.exit_code == 0, f"{type(shown.exception).__name__}: {shown.exception}"


# ---- a missing modality, with a reason ------------------------------------------------------------------------------


def wave(folder: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    wavfile.write(folder / "clip.wav", rate, samples)
    return folder / "clip.wav"


def noise(seconds: float = 1.0, channels: int = 1) -> np.ndarray:
    drawn = np.random.default_rng(0).uniform(-0.3, 0.3, (int(seconds * RATE), channels)).astype(np.float32)
    return drawn if channels > 1 else drawn[:, 0]


def film(
    folder: Path, images: np.ndarray, name: str = "clip.mp4", codec: str = "libx264", pixels: str = "yuv420p"
) -> Path:
    with av.open(str(folder / name), "w") as container:
        stream = container.add_stream(codec, rate=12)
        stream.height, stream.width, stream.pix_fmt = *images.shape[1:3], pixels
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return folder / name


def grey(frames: int = 12, height: int = 64, width: int = 64) -> np.ndarray:
    return np.full((frames, height, width, 3), 128, np.uint8)


def with_value(value: float, *, share: float) -> np.ndarray:
    samples = noise()
    samples[: int(share * len(samples))] = value
    return samples


def rotated(bench: Bench) -> Path:
    """The good clip as a phone stores it: every frame lying on its side, and a note to turn it back."""
    upright = read_frames(Clip(bench.clip), 4).images
    file = film(bench.folder, np.ascontiguousarray(np.rot90(upright, 1, axes=(1, 2))))
    content = bytearray(file.read_bytes())
    matrix = content.index(b"tkhd") + 40
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    file.write_bytes(content)
    return file


def unknown_codec(bench: Bench) -> Path:
    """A Matroska file whose audio codec nobody has heard of."""
    file = bench.folder / "clip.mkv"
    with av.open(str(file), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray((noise() * 9999).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
    content = file.read_bytes()
    assert b"A_PCM/INT/LIT" in content
    return bench.file("clip.mkv", content.replace(b"A_PCM/INT/LIT", b"A_XYZ/INT/LIT"))


def channels_change_midway(bench: Bench) -> Path:
    """Two AAC streams in one file, the first mono, the second stereo at another rate."""
    whole = b""
    for layout, rate in (("mono", RATE), ("stereo", 44_100)):
        file = bench.folder / f"{layout}.aac"
        with av.open(str(file), "w", format="adts") as container:
            stream = container.add_stream("aac", rate=rate, layout=layout)
            samples = np.ascontiguousarray(noise(1.0, channels=2).T[: 1 if layout == "mono" else 2])
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
            frame.sample_rate = rate
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        whole += file.read_bytes()
    return bench.file("clip.aac", whole)


def rate_in_header(bench: Bench, rate: int) -> Path:
    content = bytearray(wave(bench.folder, (noise(0.01) * 9999).astype(np.int16)).read_bytes())
    content[24:28] = struct.pack("<I", rate)
    return bench.file("clip.wav", bytes(content))


def flac(bench: Bench) -> Path:
    with av.open(str(bench.folder / "clip.flac"), "w") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray((noise() * 9999).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return bench.folder / "clip.flac"


HERE = None  # in place of a reason: the modality is there
Clipping = Callable[[Bench], Path | Clip]

# name, clip, why there is no voice, why there is no face
CLIPS: list[tuple[str, Clipping, str | None, str | None]] = [
    ("absent file", lambda b: b.folder / "none.mp4", "is absent", "is absent"),
    ("folder named x.mp4", lambda b: b.file("x.mp4/a", "").parent, "is absent", "is absent"),
    ("empty file", lambda b: b.file("clip.mp4", b""), "is empty (0 bytes)", "is empty (0 bytes)"),
    ("Git LFS pointer",
     lambda b: b.file("clip.mp4", "version https://git-lfs.github.com/spec/v1\n"), "git lfs pull", "git lfs pull"),
    ("text named .mp4", lambda b: b.file("clip.mp4", "Hello. " * 99), "cannot be opened", "cannot be opened"),
    ("zeros named .mp4", lambda b: b.file("clip.mp4", bytes(9999)), "cannot be opened", "cannot be opened"),
    ("half an mp4", lambda b: b.file("clip.mp4", b.clip.read_bytes()[:9000]), "cannot be opened", "cannot be opened"),
    ("playlist of an address",
     lambda b: b.file("clip.mp4", "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/a.ts\n"), "clip.mp4", "clip.mp4"),
    ("list of files to join",
     lambda b: b.file("clip.mp4", "ffconcat version 1.0\nfile /etc/passwd\n"), "clip.mp4", "clip.mp4"),
    ("silent audio", lambda b: wave(b.folder, np.zeros(RATE, np.float32)), "is silent", "has no video stream"),
    ("audio of one sample", lambda b: wave(b.folder, noise()[:1]), "holds only 0 ms", "has no video stream"),
    ("audio of no sample", lambda b: wave(b.folder, noise()[:0]), "clip.wav", "clip.wav"),
    ("audio of 7 channels", lambda b: wave(b.folder, noise(channels=7)), HERE, "has no video stream"),
    ("audio of NaN", lambda b: wave(b.folder, with_value(np.nan, share=1)), "is silent", "has no video stream"),
    ("audio with some NaN", lambda b: wave(b.folder, with_value(np.nan, share=0.5)), HERE, "has no video stream"),
    ("audio of infinity", lambda b: wave(b.folder, with_value(np.inf, share=1)), "is silent", "has no video stream"),
    ("audio with some infinity", lambda b: wave(b.folder, with_value(-np.inf, share=0.5)), HERE, "has no video"),
    ("audio a million times too loud", lambda b: wave(b.folder, noise() * 1e6), HERE, "has no video stream"),
    ("audio at 0 Hz", lambda b: rate_in_header(b, 0), "clip.wav", "clip.wav"),
    ("audio at 1 Hz", lambda b: rate_in_header(b, 1), HERE, "has no video stream"),
    ("audio at 2 GHz", lambda b: rate_in_header(b, 2_000_000_000), "clip.wav", "clip.wav"),
    ("audio cut off", lambda b: b.file("a.wav", wave(b.folder, noise()).read_bytes()[:20_001]), HERE, "has no video"),
    ("audio changes its channels", channels_change_midway, HERE, "has no video stream"),
    ("unknown audio codec", unknown_codec, "clip.mkv", "clip.mkv"),
    ("flac without video", flac, HERE, "has no video stream"),
    ("mp4 without audio", lambda b: film(b.folder, grey()), "has no audio stream", "shows no face"),
    ("video of one frame", lambda b: film(b.folder, grey(1)), "has no audio stream", "in any of 1 frames"),
    ("video of one pixel",
     lambda b: film(b.folder, grey(2, 1, 1), "a.mkv", "ffv1", "bgr0"), "no audio", "shows no face"),
    ("video of 321x241",
     lambda b: film(b.folder, grey(2, 241, 321), "a.mkv", "ffv1", "bgr0"), "no audio", "shows no face"),
    ("video of 5000x2",
     lambda b: film(b.folder, grey(2, 2, 5000), "a.mkv", "ffv1", "bgr0"), "no audio", "shows no face"),
    ("video on its side", rotated, "has no audio stream", HERE),
    ("start behind the file's end", lambda b: Clip(b.clip, 900, 901), "0 ms", "gives no frame between"),
    ("start and end are one", lambda b: Clip(b.clip, 0.5, 0.5), "0 ms", HERE),
    ("end far behind the file's end", lambda b: Clip(b.clip, 0, 300), HERE, HERE),
    ("end in thirty years", lambda b: Clip(b.clip, 0, 1e9), HERE, HERE),
]  # fmt: skip


def dialogue_of(clip: Path | Clip) -> Dialogue:
    turn = Utterance("test", 0, 0, clip=clip if isinstance(clip, Clip) else Clip(clip))
    return Dialogue("test", 0, (turn,))


CLIP_ROWS = rows(CLIPS)


@pytest.mark.parametrize(("make", "voice", "face"), CLIP_ROWS)
def test_bad_clip_is_a_missing_modality(
    bench: Bench, predictor: Predictor, make: Clipping, voice: str | None, face: str | None
) -> None:
    dialogue = dialogue_of(make(bench))
    wanted = {"audio": voice, "face": face}

    for modality, reason in wanted.items():
        found = extract_dialogues(predictor.model.encoders[modality], [dialogue])["test", "0", "0"].reason
        assert found is None if reason is None else reason in (found or ""), f"{modality}: {found}"
    (answer,) = predictor.predict([dialogue])
    assert answer.modalities == tuple(name for name, reason in wanted.items() if reason is None)
    assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("make", "voice", "face"), CLIP_ROWS)
def test_bad_clip_is_reported_by_the_corpus_check(
    bench: Bench, make: Clipping, voice: str | None, face: str | None
) -> None:
    dialogue = dialogue_of(make(bench))

    checked = check_clips(Corpus("mine", SEVEN, {"test": (dialogue,)}))

    if voice is not None and voice != "is absent":  # an absent clip is reported by the corpus's reader
        found = [problem for problem in checked.problems if problem.kind == "audio" and voice in problem.what]
        assert found or "audio" in checked.absent


def test_audio_of_8_channels_does_not_end_the_process(bench: Bench) -> None:
    file = wave(bench.folder, noise(channels=8))
    command = (
        "import sys; from pathlib import Path; from mmerc.corpora import Clip; from mmerc.media import read_waveform;"
    )
    command += "print(len(read_waveform(Clip(Path(sys.argv[1])))))"

    result = subprocess.run(
        [sys.executable, "-c", command, file], capture_output=True, text=True, check=False, timeout=60
    )

    assert result.returncode == 0
    assert result.stdout.strip() == str(RATE)


def in_4_kb(*command: Any) -> subprocess.CompletedProcess[str]:
    """The result of Python in a process whose writes behind a file's first 4096 bytes fail, in compiled libraries too.

    Never in the tests' own process: what pytest prints may go to a file.
    """
    return subprocess.run(
        [sys.executable, *map(str, command)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
        env={
            **os.environ,
            "PYTHONDONTWRITEBYTECODE": "1",
        },  # Python would leave its own files cut off for those after it
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_disk_full_at_4_kb_of_each_file(bench: Bench) -> None:
    found = bench.run()
    shutil.rmtree(found / "predictions")

    result = in_4_kb("-m", "mmerc", *train(bench, out=found))

    assert result.returncode == 2
    assert "cannot be written" in result.stderr
    assert "Traceback" not in result.stderr


def test_full_disk_while_tensors_are_written(bench: Bench) -> None:
    """safetensors raises an error of its own, which is no OSError."""
    command = (
        "import sys, torch; from pathlib import Path; from safetensors.torch import save_file;"
        "from mmerc.errors import RunError; from mmerc.files import replace_atomically\n"
        "try:\n"
        "    with replace_atomically(Path(sys.argv[1])) as temporary: save_file({'a': torch.zeros(9999)}, temporary)\n"
        "except RunError as error: print(error)"
    )

    result = in_4_kb("-c", command, bench.folder / "a.safetensors")

    assert "cannot be written" in result.stdout
    assert not list(bench.folder.iterdir())


# ---- text that is odd, and inputs of predict that must each have their row ------------------------------------------

# name, text, whether the model reads it
TEXTS = [
    ("empty text", "", False),
    ("text of spaces", "   ", False),
    ("text of a tab", "\t", False),
    ("emoji", "😀👩‍👩‍👧🏳️‍🌈", True),
    ("right-to-left text", "مرحبا שלום", True),
    ("10,000 words", "well " * 10_000, True),
    ("one word of 10,000 letters", "a" * 10_000, True),
    ("control characters", "\x01\x02\x7f", True),
    ("the model's own marks", "<bos><eos><cls><pad>", True),
]


@pytest.mark.parametrize(("text", "read"), rows(TEXTS))
def test_odd_text_keeps_its_row(bench: Bench, predictor: Predictor, text: str, read: bool) -> None:
    turns = tuple(Utterance("test", 0, number, text=text or None) for number in range(3))

    answers = list(predictor.predict([Dialogue("test", 0, turns)]))

    assert [answer.modalities for answer in answers] == [("text",) if read else ()] * 3


def talk(name: str, count: int, speaker: str, text: str = "well, {} it is") -> Dialogue:
    turns = (
        Utterance("test", name, place, speaker=speaker, text=text.replace("{}", str(place))) for place in range(count)
    )
    return Dialogue("test", name, tuple(turns))


# name, a dialogue that nobody expects
DIALOGUES = [
    ("one utterance", talk("odd", 1, "Ann")),
    ("500 utterances", talk("odd", 500, "Ann")),
    ("unknown speakers", talk("odd", 3, "")),
    ("a speaker of 10,000 letters", talk("odd", 3, "A" * 10_000)),
    ("10,000 words each", talk("odd", 3, "Ann", "so {} " * 10_000)),
    ("nothing said", talk("odd", 3, "Ann", "")),
]


@pytest.mark.parametrize("odd", rows(DIALOGUES))
def test_an_odd_dialogue_has_all_its_rows_and_changes_no_other(predictor: Predictor, odd: Dialogue) -> None:
    before, after = talk("before", 7, "Bob"), talk("after", 2, "Ann")
    expected = list(predictor.predict([before, after]))

    answers = list(predictor.predict([before, odd, after]))

    assert [answer.dialogue for answer in answers] == ["before"] * 7 + ["odd"] * len(odd) + ["after"] * 2
    assert [answer for answer in answers if answer.dialogue != "odd"] == expected


# name, files of a folder, rows that predict must give
FOLDERS: list[tuple[str, tuple[str, ...], int]] = [
    ("clips that are all broken", ("a.mp4", "b.wav"), 2),
    ("clip named in brackets", ("[red]a.mp4",), 1),
    ("divide_by_prior clip beside the plain one", ("dia0_utt0.mp4", "final_videos_testdia0_utt0.mp4"), 1),
    ("clip whose name is no UTF-8", (os.fsdecode(b"\xff.wav"),), 1),
]


@pytest.mark.parametrize(("names", "rows"), rows(FOLDERS))
def test_every_clip_of_a_folder_has_a_row(bench: Bench, names: tuple[str, ...], rows: int) -> None:
    model = bench.run() / "model"
    for name in names:
        bench.file(f"clips/{name}", "no clip")

    result = run(["predict", model, bench.folder / "clips", "--out", bench.folder / "rows.jsonl"])

    assert result.exit_code == 0, f"{type(result.exception).__name__}: {result.exception}"
    assert len((bench.folder / "rows.jsonl").read_text().splitlines()) == rows
    assert "Traceback" not in result.stderr


def test_clips_of_one_name_and_two_suffixes_do_not_answer_for_each_other(bench: Bench) -> None:
    model = bench.run() / "model"
    bench.file("clips/talk.avi", "no clip")
    wave(bench.file("clips/a", "").parent, noise()).rename(bench.folder / "clips/talk.wav")

    result = run(["predict", model, bench.folder / "clips"])

    assert [json.loads(line)["modalities"] for line in result.stdout.splitlines()] == [[], ["audio"]]


def test_output_named_in_brackets(bench: Bench) -> None:
    result = run(predict(bench, bench.run(), "--out", bench.folder / "[/b].jsonl"))

    assert result.exit_code == 0, f"{type(result.exception).__name__}: {result.exception}"
    assert "[/b].jsonl" in result.stderr


def test_test_split_of_one_utterance_can_be_reported(bench: Bench) -> None:
    rows = TWO_LABELLED + "dev,3,0,Ann,Hello there.,joy\ntest,4,0,Bob,Go away.,anger\n"

    result = run(train(bench, "--modalities", "text", corpus=bench.table(rows)))

    assert result.exit_code == 0, f"{type(result.exception).__name__}: {result.exception}"
    assert (bench.folder / "out/report.html").is_file()
