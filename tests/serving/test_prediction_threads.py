"""Which thread computes next."""

import asyncio
import threading

from mmerc.serving.clients import CLIENT
from mmerc.serving.limits import Limits
from mmerc.serving.metrics import Metrics
from mmerc.serving.prediction_threads import INTERIM, THREADS, PredictionThreads


def make_threads() -> PredictionThreads:
    return PredictionThreads(Limits(), Metrics())


async def wait_until_waiting(threads: PredictionThreads, count: int) -> None:
    while threads.waiting < count:
        await asyncio.sleep(0.005)


def test_a_client_with_few_requests_does_not_wait_for_one_with_many() -> None:
    threads, may_end, started = make_threads(), threading.Semaphore(0), []

    def work(name: str) -> None:
        started.append(name)
        assert may_end.acquire(timeout=20)

    async def ask(client: str) -> None:
        CLIENT.set(client)
        await threads.run(lambda: work(client), "http")

    async def run() -> None:
        tasks = [asyncio.create_task(ask("many")) for _ in range(3 * THREADS)]
        await wait_until_waiting(threads, 3 * THREADS)
        assert threads.is_busy
        tasks.append(asyncio.create_task(ask("one")))
        while len(threads._slots._waiting) < 2 * THREADS + 1 or len(started) < THREADS:
            await asyncio.sleep(0.005)  # until all places are taken, and all others wait for one
        may_end.release()  # one place gets free
        while len(started) == THREADS:
            await asyncio.sleep(0.005)
        may_end.release(3 * THREADS)
        await asyncio.gather(*tasks)
        await threads.close()

    asyncio.run(run())
    assert started[:THREADS] == ["many"] * THREADS and started[THREADS] == "one" and len(started) == 3 * THREADS + 1
    assert threads.waiting == 0 and not threads.is_busy


def test_while_one_waits_for_a_decoder_another_one_computes() -> None:
    threads, decoded = make_threads(), threading.Event()

    def wait_for_decoder() -> bool:
        with threads.leave_slot():
            return decoded.wait(20)

    def decode() -> str:
        decoded.set()
        return threading.current_thread().name

    async def run() -> list[bool]:
        waiting = [asyncio.create_task(threads.run(wait_for_decoder, "http")) for _ in range(THREADS)]
        await wait_until_waiting(threads, THREADS)
        await threads.run(decode, "http")
        found = await asyncio.gather(*waiting)
        await threads.close()
        return found

    assert asyncio.run(run()) == [True] * THREADS
    with threads.leave_slot():  # a thread without a place leaves none
        pass
    assert threads._slots.free == THREADS


def test_only_an_utterance_that_has_ended_holds_up_what_is_ahead() -> None:
    threads, release, looked = make_threads(), threading.Event(), threading.Event()

    async def run(transport: str, seconds: float) -> bool:
        task = asyncio.create_task(threads.run(lambda: release.wait(20), transport))
        await wait_until_waiting(threads, 1)
        threads.ahead.submit(looked.set)
        was_looking = await asyncio.to_thread(looked.wait, seconds)
        release.set()
        await task
        return was_looking

    assert asyncio.run(run(INTERIM, 20.0)) is True
    release.clear()
    looked.clear()
    assert asyncio.run(run("stream", 0.2)) is False
    asyncio.run(threads.close())
