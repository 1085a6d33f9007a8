"""What files that take much memory or time cost other clients of the service, as JSON.

    python benchmarks/bombs.py --model RUN/model --clip CLIP [--bombs 20] [--seconds 30] [--out FILE]

Two clients ask for predictions without a break, one with CLIP, one with a text: first alone, then while another client (127.0.0.2) sends 20
bombs at a time. The bombs are a frame of 49 million pixels, a picture of as many, a film of 8K frames, an animation of 200,000 frames, and
noise. `p95_ratio` compares the 95th percentile of the answers; `peak_gigabytes` is the memory of the service and all its processes,
each measured without what it shares. The client with the bombs is a process of its own with a low priority, because it would have a machine of
its own. Measure on an idle machine.
"""

import argparse
import asyncio
import io
import multiprocessing
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import quantiles
from threading import Event, Thread
from typing import Any

import av
import httpx
import numpy as np
import psutil
from PIL import Image
from result import show
from serve import Service

URL = "/v1/utterances"
GIF_HEAD = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff"
GIF_FRAME = b"\x21\xf9\x04\x04\x00\x00\x00\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00"


def make_video(width: int, height: int, frames: int) -> bytes:
    """A film of grey pictures."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "film.mkv"
        with av.open(str(file), "w") as out:
            stream = out.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for number in range(frames):
                grey = np.full((height * 3 // 2, width), number % 256, np.uint8)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="yuv420p")))
            out.mux(stream.encode(None))
        return file.read_bytes()


def make_bombs() -> list[bytes]:
    """The files, by turns."""
    picture = io.BytesIO()
    Image.new("RGB", (7000, 7000)).save(picture, "PNG")
    return [
        make_video(8000, 6100, 1),
        picture.getvalue(),
        make_video(7680, 4320, 100),
        GIF_HEAD + 200_000 * GIF_FRAME + b";",
        np.random.default_rng(0).bytes(5_000_000),
    ]


async def ask(address: str, data: dict[str, str], clip: bytes | None, until: float) -> list[float]:
    """Seconds of each answer to a client that asks until this time."""
    times = []
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=300) as client:
        while time.monotonic() < until:
            begun = time.perf_counter()
            files = None if clip is None else {"clip": clip}
            (await client.post(URL, data=data, files=files)).raise_for_status()
            times.append(time.perf_counter() - begun)
    return times


async def bomb(address: str, bombs: Sequence[bytes], first: int, until: float, answers: Counter[str]) -> None:
    """Send bombs by turns until this time, and count the statuses."""
    transport = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=300, transport=transport) as client:
        turn = first
        while time.monotonic() < until:
            answer = await client.post(URL, files={"clip": bombs[turn % len(bombs)]})
            answers[str(answer.status_code)] += 1
            turn += 1


async def bomb_together(address: str, bombs: Sequence[bytes], count: int, seconds: float) -> Counter[str]:
    """The answers to `count` senders of bombs."""
    until, answers = time.monotonic() + seconds, Counter[str]()
    await asyncio.gather(*(bomb(address, bombs, index, until, answers) for index in range(count)))
    return answers


def run_attack(address: str, bombs: Sequence[bytes], count: int, seconds: float) -> Counter[str]:
    """`bomb_together` in a process without a loop of asyncio."""
    return asyncio.run(bomb_together(address, bombs, count, seconds))


async def ask_both(address: str, clip: bytes, seconds: float) -> tuple[list[float], list[float]]:
    """The seconds of each answer to the client with the clip, and to the one with a text."""
    until, text = time.monotonic() + seconds, {"text": "We got the guitar!"}
    return await asyncio.gather(ask(address, text, clip, until), ask(address, text, None, until))


def measure(address: str, clip: bytes, seconds: float) -> dict[str, Any]:
    """The 95th percentile of both clients in seconds, and the number of their answers."""
    with_clip, alone = asyncio.run(ask_both(address, clip, seconds))
    p95 = {"clip": quantiles(with_clip, n=20)[-1], "text": quantiles(alone, n=20)[-1]}
    return {"p95": p95, "answers": len(with_clip) + len(alone)}


def watch_memory(process_id: int, is_over: Event, peak: list[int]) -> None:
    """Keep the largest memory of a process and its children in `peak`, in bytes."""
    process = psutil.Process(process_id)
    while not is_over.wait(0.2):
        total = 0
        for each in [process, *process.children(recursive=True)]:
            try:
                total += each.memory_full_info().uss
            except psutil.Error:
                continue  # it has ended
        peak[0] = max(peak[0], total)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--bombs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    bombs, clip = make_bombs(), arguments.clip.read_bytes()
    service = Service(arguments.model)
    is_over, peak = Event(), [0]
    try:
        service.wait()
        watcher = Thread(target=watch_memory, args=(service.process.pid, is_over, peak))
        watcher.start()
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, spawn, initializer=os.nice, initargs=(19,)) as attacker:
            attacker.submit(os.getpid).result()  # so that its start is in no measurement
            measure(service.address, clip, 3.0)  # to warm up
            before = measure(service.address, clip, arguments.seconds)
            attack = attacker.submit(run_attack, service.address, bombs, arguments.bombs, arguments.seconds)
            during = measure(service.address, clip, arguments.seconds) | {"bombs": dict(attack.result())}
        is_over.set()
        watcher.join()
    finally:
        is_over.set()
        service.stop()
    ratios = {name: round(during["p95"][name] / before["p95"][name], 2) for name in ("clip", "text")}
    result = {"before": before, "during": during, "p95_ratio": ratios, "peak_gigabytes": round(peak[0] / 2**30, 2)}
    show(result | {"cores": os.cpu_count()}, arguments.out)


if __name__ == "__main__":
    main()
