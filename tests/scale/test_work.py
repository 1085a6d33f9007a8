from dataclasses import replace
from pathlib import Path

import pytest

from mmerc.addresses import RemotePath
from mmerc.corpora import Clip, Dialogue, Utterance
from mmerc.inference.inputs import Recording
from mmerc.scale.work import ModelJob, Reading, list_utterances, make_absolute, measure_size, name, run_here
from tests.scale.jobs import EchoJob


def test_what_is_wrong_with_a_part_is_its_row() -> None:
    parts = [Recording(Path(each)) for each in ("good", "bad", "worse")]
    found = {index: content.decode() for index, content in run_here(EchoJob(), parts)}
    assert found[0].startswith("good ")
    assert found[1] == "bad failed: bad is no recording: give another one."
    assert found[2] == "worse failed: it cannot be processed (ZeroDivisionError: by)"


def test_paths_for_a_process_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    dialogue = Dialogue("input", 3, (Utterance("input", 3, 0, clip=Clip(Path("a.wav"), 1.0)), Utterance("input", 3, 1)))
    absolute = make_absolute(dialogue)
    assert [each.clip for each in list_utterances(absolute)] == [Clip(tmp_path / "a.wav", 1.0), None]
    assert make_absolute(Recording(Path("a.wav"), "a")) == Recording(tmp_path / "a.wav", "a")
    (tmp_path / "model").mkdir()
    job = ModelJob(model="model", reading=Reading(voices=Path("voices"))).make_absolute()
    assert (job.model, job.reading.voices) == (str(tmp_path / "model"), tmp_path / "voices")
    assert replace(job, model="owner/name").make_absolute().model == "owner/name"


def test_names_and_the_utterance_of_an_unread_recording() -> None:
    part = Recording(Path("x/talk.mp4"), "talk")
    assert (name(part), name(Dialogue("dev", 3, ()))) == ("talk.mp4", "dev 3")
    assert [each.key for each in list_utterances(part)] == [("input", "talk", "0")]
    assert not Reading().asks_for_speakers and Reading(names=("Ann",)).asks_for_speakers


def test_the_size_of_a_part_counts_each_file_once(tmp_path: Path) -> None:
    for file, size in (("a.wav", 5), ("b.wav", 7)):
        (tmp_path / file).write_bytes(bytes(size))
    clips = (
        Clip(tmp_path / "a.wav"),
        Clip(tmp_path / "a.wav", 1.0),
        Clip(tmp_path / "b.wav"),
        Clip(tmp_path / "c"),
        None,
    )
    utterances = tuple(Utterance("input", 3, index, clip=clip) for index, clip in enumerate(clips))
    assert measure_size(Dialogue("input", 3, utterances)) == 12
    assert measure_size(Recording(tmp_path / "b.wav")) == 7
    assert measure_size(Recording(RemotePath("https://127.0.0.1:1/a.wav"))) == 0
