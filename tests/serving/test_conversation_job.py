"""The work of a job, without a service around it."""

import json
from pathlib import Path

import pytest

from mmerc.errors import CorpusError
from mmerc.serving import Limits
from mmerc.serving.conversation_job import ConversationJob
from mmerc.serving.jobs import Cancelled, Job
from tests.serving.stub import StubPredictor


def write_transcript(file: Path, count: int) -> Path:
    file.write_text(
        json.dumps([{"start": 0.1 * n, "end": 1.0, "text": f"hi {n}", "speaker": "Ann"} for n in range(count)])
    )
    return file


def test_the_job_gets_its_progress(clip: Path, tmp_path: Path) -> None:
    job = Job("id")
    transcript = write_transcript(tmp_path / "talk.json", 4)
    predictions = ConversationJob(StubPredictor(), Limits(), clip, transcript).run(job)
    assert (job.done, job.total, job.problems) == (4, 4, [])
    assert [prediction.text for prediction in predictions] == ["hi 0", "hi 1", "hi 2", "hi 3"]


def test_too_many_utterances(clip: Path, tmp_path: Path) -> None:
    work = ConversationJob(
        StubPredictor(), Limits(max_recording_utterances=3), clip, write_transcript(tmp_path / "talk.json", 4)
    )
    with pytest.raises(CorpusError, match="the recording has more than 3 utterances: send a part of it"):
        work.run(Job("id"))


def test_a_job_that_takes_too_long(clip: Path) -> None:
    work = ConversationJob(StubPredictor(), Limits(job_timeout_seconds=1e-9), clip)
    with pytest.raises(CorpusError, match="takes more than 1e-09 s to process: send a part of it"):
        work.run(Job("id"))


def test_a_cancelled_job_ends(clip: Path) -> None:
    with pytest.raises(Cancelled):
        ConversationJob(StubPredictor(), Limits(), clip).run(Job("id", is_cancelled=True))


def test_an_error_does_not_name_the_folder(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "transcript.json").write_text("[")
    file = tmp_path / "recording"
    file.write_bytes(clip.read_bytes())
    with pytest.raises(CorpusError) as error:
        ConversationJob(StubPredictor(), Limits(), file, tmp_path / "transcript.json").run(Job("id"))
    assert str(tmp_path) not in str(error.value) and "transcript.json" in str(error.value)
