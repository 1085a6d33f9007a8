"""Work for utterances that are going on: when it is done, and when not."""

import threading

from mmerc.serving.look_ahead import LookAhead


def test_it_waits_while_an_utterance_that_has_ended_is_predicted() -> None:
    ahead, done = LookAhead(max_wait=60.0), threading.Event()
    ahead.begin_prediction()
    ahead.begin_prediction()
    future = ahead.submit(done.set)
    ahead.end_prediction()
    assert not done.wait(0.05) and not future.done()
    ahead.end_prediction()
    assert done.wait(10)
    ahead.close()


def test_what_would_wait_for_long_is_left_out() -> None:
    ahead, done = LookAhead(max_wait=0.01), threading.Event()
    ahead.begin_prediction()
    ahead.submit(done.set).result(10)
    assert not done.is_set()
    ahead.end_prediction()
    ahead.submit(done.set).result(10)
    assert done.is_set()
    ahead.close()


def test_a_failure_is_no_end() -> None:
    ahead, found = LookAhead(), []

    def fail() -> None:
        raise ValueError("a strange image")

    futures = [ahead.submit(work) for work in (fail, lambda: found.append(threading.current_thread().name))]
    assert [future.result(10) for future in futures] == [None, None]
    assert found[0].startswith("mmerc-ahead")
    ahead.close()
