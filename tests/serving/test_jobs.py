"""Jobs one after another, without a service around them."""

import threading
import time

from mmerc.errors import CorpusError
from mmerc.model import Prediction
from mmerc.serving.jobs import Job, Jobs

JOY = Prediction(
    split="input",
    dialogue="talk",
    utterance=0,
    emotion="joy",
    confidence=1.0,
    probabilities={"joy": 1.0},
    modalities=(),
)


def wait(job: Job) -> Job:
    deadline = time.monotonic() + 10
    while job.state in ("waiting", "running") and time.monotonic() < deadline:
        time.sleep(0.01)
    return job


def test_jobs_run_in_their_order_and_clean_up() -> None:
    jobs, order, removed = Jobs(4, 10, 60), [], []

    def work(job: Job) -> list[Prediction]:
        order.append(job.id)
        job.labels = ["joy", "anger"]
        return [JOY]

    added = [jobs.add(work, lambda number=number: removed.append(number)) for number in range(3)]  # type: ignore[misc]
    found = [wait(job) for job in added if job is not None]
    assert [job.state for job in found] == ["done"] * 3 and found[0].rows == [JOY.to_dict()]
    jobs.close()
    assert order == [job.id for job in found] and removed == [0, 1, 2] and jobs.open_count == 0
    assert jobs.get(found[1].id) is found[1] and len({job.id for job in found}) == 3
    columns = found[0].to_dict()["columns"]
    assert {"name": "p_anger", "path": ["probabilities", "anger"]} in columns
    assert [column["name"] for column in columns][:3] == ["split", "dialogue", "utterance"]


def test_a_job_that_fails_does_not_end_the_jobs_after_it() -> None:
    jobs = Jobs(4, 10, 60)

    def fail(job: Job) -> list[Prediction]:
        raise CorpusError("it has no sound: send another.")

    def break_down(job: Job) -> list[Prediction]:
        raise KeyError("ours")

    found = [jobs.add(work, lambda: None) for work in (fail, break_down, lambda job: [])]
    states = [(job.state, job.error) for job in map(wait, filter(None, found))]
    jobs.close()
    assert states[0] == ("failed", "it has no sound: send another.")
    assert states[1] == ("failed", "the service failed on this recording: its log has the details.")
    assert states[2] == ("done", "")


def test_too_many_jobs_and_a_waiting_one_that_is_cancelled() -> None:
    jobs, release, removed = Jobs(2, 10, 60), threading.Event(), []

    def work(job: Job) -> list[Prediction]:
        release.wait(10)
        return []

    first, second = (jobs.add(work, lambda: removed.append("ended")) for _ in range(2))
    assert first is not None and second is not None
    assert jobs.add(work, lambda: removed.append("refused")) is None and removed == ["refused"]
    second.is_cancelled = True
    release.set()
    jobs.close()
    assert second.state == "cancelled" and removed == ["refused", "ended", "ended"]


def test_a_job_that_runs_longer_than_results_are_stored_is_not_forgotten() -> None:
    jobs, release = Jobs(2, 10, 0.05), threading.Event()
    job = jobs.add(lambda job: [JOY] if release.wait(10) else [], lambda: None)
    assert job is not None
    time.sleep(0.2)
    assert jobs.get(job.id) is job
    release.set()
    wait(job)
    jobs.close()
    assert jobs.get(job.id) is job and job.rows == [JOY.to_dict()]
