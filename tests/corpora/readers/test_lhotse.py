import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmerc.corpora import Clip, Corpus, Utterance, open_corpus
from mmerc.errors import CorpusError
from mmerc.media import read_waveform
from tests.media.clips import write_wav


def make_recording(name: str, source: str, **more: Any) -> dict[str, Any]:
    sources = [{"type": "file", "channels": [0], "source": source}]
    return {"id": name, "sources": sources, "sampling_rate": 16000, "num_samples": 64000, "duration": 4.0, **more}


def make_supervision(name: str, start: float, duration: float = 1.5, **more: Any) -> dict[str, Any]:
    return {"id": name, "recording_id": "talk", "start": start, "duration": duration, "channel": 0, **more}


ANN = make_supervision("b", 2.0, text="No.", speaker="Ann", gender="F", custom={"emotion": "angry", "valence": 1.5})
BO = make_supervision("a", 0.5, text="Hi!", speaker="Bo", custom={"mood": "sad", "words": ["Hi"]}, alignment={"w": []})


def write_manifest(file: Path, *items: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(f"{json.dumps(item)}\n" for item in items).encode()
    file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)


def list_utterances(corpus: Corpus) -> list[Utterance]:
    return [each for split in corpus.splits for each in corpus.utterances(split)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "audio").mkdir()
    write_wav(tmp_path / "audio/talk.wav", np.sin(np.arange(64_000) / 10)[None])
    return tmp_path


def test_recordings_and_supervisions(folder: Path) -> None:
    write_manifest(folder / "data/ours_recordings_dev.jsonl.gz", make_recording("talk", "audio/talk.wav"))
    write_manifest(folder / "data/ours_supervisions_dev.jsonl.gz", ANN, BO)
    corpus = open_corpus(f"lhotse:{folder}")
    assert list(corpus.splits) == ["dev"] and corpus.problems == ()
    first, second = list_utterances(corpus)
    assert (first.key, second.key) == (("dev", "talk", "a"), ("dev", "talk", "b"))
    assert (first.text, first.speaker, first.emotion, first.attributes) == ("Hi!", "Bo", None, {"mood": "sad"})
    assert (second.speaker, second.emotion, second.attributes) == ("Ann", "anger", {"gender": "F"})
    assert second.dimensions == {"valence": 1.5} and (second.start, second.end) == (2.0, 3.5)
    assert second.clip == Clip(folder / "audio/talk.wav", 2.0, 3.5)
    assert read_waveform(second.clip).shape == (24_000,)


def test_the_emotion_may_be_any_field(folder: Path) -> None:
    write_manifest(folder / "supervisions.jsonl", ANN, BO)
    location = f"lhotse:{folder / 'supervisions.jsonl'}?emotion=mood"
    first, second = list_utterances(open_corpus(location))
    assert (first.emotion, second.emotion, first.clip) == ("sadness", None, None)
    with pytest.raises(CorpusError, match="no supervision has the field feeling"):
        open_corpus(location.replace("mood", "feeling"))
    with pytest.raises(CorpusError, match='"feeling" is no part of an utterance'):
        open_corpus(location.replace("?emotion=", "?feeling="))


def test_a_supervision_of_several_cuts_is_one_utterance(folder: Path) -> None:
    recording = make_recording("talk", "audio/talk.wav", transforms=[{"name": "Resample", "kwargs": {}}])
    cut: dict[str, Any] = {"id": "c", "channel": 0, "recording": recording, "type": "MonoCut"}
    windows = [
        {**cut, "start": 0, "duration": 2.5, "supervisions": [BO, ANN]},
        {**cut, "start": 1.0, "duration": 3.0, "supervisions": [{**ANN, "start": 1.0}], "custom": {"room": "hall"}},
    ]
    padding = {"offset": 4.0, "cut": {"id": "p", "duration": 6.0, "type": "PaddingCut"}}
    last = {**cut, "start": 3.0, "duration": 1.0, "supervisions": [make_supervision("c", -0.5, label="happy")]}
    mixed = {"id": "m", "type": "MixedCut", "tracks": [{"offset": 0.0, "cut": last}, padding]}
    faster = {**cut, "supervisions": [make_supervision("a_sp", 0.0)], "start": 0}
    faster["recording"] = {**recording, "transforms": [{"name": "Speed", "kwargs": {"factor": 1.1}}]}
    write_manifest(folder / "cuts_train.jsonl", *windows, mixed, faster)
    corpus = open_corpus(f"lhotse:{folder}")
    found = [(each.utterance, each.start, each.end, each.emotion) for each in corpus.utterances("train")]
    assert found == [("a", 0.5, 2.0, None), ("b", 2.0, 3.5, "anger"), ("c", 2.5, 4.0, "joy")]
    assert [(each.kind, each.what[:21]) for each in corpus.problems] == [("clip", "the audio of 1 cuts i")]


def test_a_channel_has_its_own_file(folder: Path) -> None:
    recording = make_recording("talk", "a.wav")
    recording["sources"].append({"type": "file", "channels": [1], "source": "audio/talk.wav"})
    right = make_supervision("r", 0.0, custom={"dialogue_id": "call 1"}) | {"channel": [1]}
    write_manifest(folder / "x.jsonl", recording, right)
    (only,) = list_utterances(open_corpus(f"lhotse:{folder}"))
    assert only.clip == Clip(folder / "audio/talk.wav", 0.0, 1.5) and only.dialogue == "call 1"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"type": "command", "source": "rm -rf /"}, "of the type command and not a file"),
        ({"type": "url", "source": "https://example.org/a.wav"}, "of the type url and not a file"),
        ({"type": "file", "source": "/etc/passwd"}, "/etc/passwd is outside"),
        ({"type": "file", "source": "../a.wav"}, "../a.wav is outside"),
    ],
)
def test_only_files_of_the_folder_are_read(folder: Path, source: dict[str, str], reason: str) -> None:
    write_manifest(folder / "x.jsonl", {"id": "talk", "sources": [{"channels": [0], **source}]}, BO)
    corpus = open_corpus(f"lhotse:{folder}")
    assert [each.clip for each in list_utterances(corpus)] == [None]
    assert reason in corpus.problems[0].what


def test_what_is_no_manifest(folder: Path) -> None:
    with pytest.raises(CorpusError, match="has no .jsonl or .jsonl.gz file"):
        open_corpus(f"lhotse:{folder}")
    (folder / "x.jsonl").write_text('{"sources": 1}\n[1]\n{"recording_id": "a"}\nrubbish\n\n')
    with pytest.raises(CorpusError, match="no row that can be used. x.jsonl line 2: is no JSON object; skipped"):
        open_corpus(f"lhotse:{folder}")
    odd = [{"supervisions": 5, "recording": {"id": 1, "transforms": 3}}, {"tracks": [1, {"cut": 2}]}, {"sources": "a"}]
    write_manifest(folder / "y.jsonl", *odd, {**BO, "custom": 1, "channel": {}})
    (only,) = list_utterances(open_corpus(f"lhotse:{folder / 'y.jsonl'}"))
    assert (only.utterance, only.clip) == ("a", None)
    (folder / "y.jsonl").unlink()
    (folder / "x.jsonl").rename(folder / "x.jsonl.gz")
    with pytest.raises(CorpusError, match="x.jsonl.gz cannot be read"):
        open_corpus(f"lhotse:{folder}")
    (folder / "x.jsonl.gz").write_bytes(gzip.compress(json.dumps(BO).encode())[:-12])
    with pytest.raises(CorpusError, match="x.jsonl.gz cannot be read"):
        open_corpus(f"lhotse:{folder}")
