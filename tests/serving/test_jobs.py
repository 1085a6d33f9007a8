"""Recordings one after another, without any service around them."""

import threading
import time

from mmerc.errors import CorpusError
from mmerc.serving.jobs import Job, Jobs, Remembered, Row


def ended(job: Job) -> Job:
    until = time.monotonic() + 10
    while job.state in ("waiting", "running") and time.monotonic() < until:
        time.sleep(0.01)
    return job


def test_jobs_run_in_their_order_and_clean_up() -> None:
    jobs, order, removed = Jobs(4, 10, 60), [], []

    def work(job: Job) -> list[Row]:
        order.append(job.id)
        return [{"emotion": "joy"}]

    made = [jobs.add(work, lambda number=number: removed.append(number)) for number in range(3)]  # type: ignore[misc]
    found = [ended(job) for job in made if job is not None]
    assert [job.state for job in found] == ["done"] * 3 and found[0].rows == [{"emotion": "joy"}]
    jobs.close()
    assert order == [job.id for job in found] and removed == [0, 1, 2] and jobs.open == 0
    assert jobs.get(found[1].id) is found[1] and len({job.id for job in found}) == 3


def test_one_that_fails_does_not_end_those_behind_it() -> None:
    jobs = Jobs(4, 10, 60)

    def bad(job: Job) -> list[Row]:
        raise CorpusError("it has no sound: send another.")

    def broken(job: Job) -> list[Row]:
        raise KeyError("ours")

    found = [jobs.add(work, lambda: None) for work in (bad, broken, lambda job: [])]
    states = [(job.state, job.error) for job in map(ended, filter(None, found))]
    jobs.close()
    assert states[0] == ("failed", "it has no sound: send another.")
    assert states[1] == ("failed", "the service failed on this recording: its log says where.")
    assert states[2] == ("done", "")


def test_too_many_and_a_waiting_one_that_nobody_wants() -> None:
    jobs, go, removed = Jobs(2, 10, 60), threading.Event(), []

    def work(job: Job) -> list[Row]:
        go.wait(10)
        return []

    first, second = (jobs.add(work, lambda: removed.append("done")) for _ in range(2))
    assert first is not None and second is not None
    assert jobs.add(work, lambda: removed.append("refused")) is None and removed == ["refused"]
    second.cancelled = True
    go.set()
    jobs.close()
    assert second.state == "cancelled" and removed == ["refused", "done", "done"]


def test_only_the_last_things_are_remembered() -> None:
    kept: Remembered[list[int]] = Remembered(2, 60)
    one = kept.get("one", list)
    assert kept.get("one", list) is one and kept.get("none") is None
    kept.get("two", list), kept.get("one", list), kept.get("three", list)
    assert kept.get("two") is None and kept.get("one") is one


def test_nothing_is_remembered_for_too_long() -> None:
    kept: Remembered[list[int]] = Remembered(2, 0.02)
    kept.get("one", list)
    time.sleep(0.05)
    assert kept.get("one") is None


def test_one_that_runs_longer_than_results_are_kept_is_not_forgotten() -> None:
    jobs, go = Jobs(2, 10, 0.05), threading.Event()
    job = jobs.add(lambda job: [{"emotion": "joy"}] if go.wait(10) else [], lambda: None)
    assert job is not None
    time.sleep(0.2)
    assert jobs.get(job.id) is job
    go.set()
    ended(job)
    jobs.close()
    assert jobs.get(job.id) is job and job.rows == [{"emotion": "joy"}]
