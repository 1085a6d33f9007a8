"""What somebody who predicts or serves has to wait for, as JSON: a recording, a live stream, many clients at once, ONNX.

    python benchmarks/serve.py --model demo-run/run/model --voice ../shared/data/ravdess/Actor_01/03-01-01-01-01-01-01.flac

The recording is made here: a 720p film of a face that moves, a voice, and a transcript of three-second utterances; its
packets repeated make the long one. Live, an utterance of three seconds of sound and fifteen pictures comes at once, and the time is taken from its end to the answer.
"""

import argparse
import asyncio
import io
import json
import multiprocessing
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import torch
import websockets
from PIL import Image
from result import show
from skimage import data as pictures

from mmerc import Predictor
from mmerc.corpora import Clip
from mmerc.hardware import keep_memory
from mmerc.inference.recording import read_recording
from mmerc.media import SAMPLE_RATE, read_waveform
from mmerc.model.onnx.export import export_onnx
from mmerc.model.onnx.runtime import compare_backends

UTTERANCE, RATE = 3.0, 25
WORDS = ("You came back!", "I never left.", "That is not what you said.", "Oh, come on.", "Fine.")


def film(file: Path, voice: np.ndarray, seconds: float, pause: float = 0.5) -> None:
    """A portrait that wanders over 1280x720, the voice again and again below it, that many seconds of silence between."""
    portrait = np.asarray(Image.fromarray(pictures.astronaut()[:300, 60:400]).resize((408, 360)))
    with av.open(str(file), "w") as container:
        video = container.add_stream("h264", rate=RATE)
        video.width, video.height, video.pix_fmt = 1280, 720, "yuv420p"
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for number in range(int(seconds * RATE)):
            image = np.full((720, 1280, 3), 90, np.uint8)
            left, top = int(436 + 300 * np.sin(number / 40)), int(180 + 80 * np.sin(number / 23))
            image[top : top + 360, left : left + 408] = portrait
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode(None))
        wave = np.resize(
            np.concatenate([voice, np.zeros(int(pause * SAMPLE_RATE), np.float32)]), int(seconds * SAMPLE_RATE)
        )
        frame = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))


def repeated(file: Path, out: Path, seconds: float) -> None:
    """The same packets until the recording is as long as that; nothing is encoded again."""
    with av.open(str(file)) as source, av.open(str(out), "w") as target:
        length = Fraction(source.duration or 1, av.time_base)
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for turn in range(int(seconds / length) + 1):
            source.seek(0)
            for packet in source.demux():
                if packet.dts is None:
                    continue
                shift = int(turn * length / packet.time_base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = streams[packet.stream.index]
                target.mux(packet)


def transcript(file: Path, seconds: float) -> None:
    count = int(seconds / UTTERANCE)
    rows = [
        {"start": UTTERANCE * n, "end": UTTERANCE * (n + 1), "text": WORDS[n % 5], "speaker": "AB"[n % 2]}
        for n in range(count)
    ]
    file.write_text(json.dumps(rows))


def recording(model: Path, film_file: Path, words: Path, seconds: float, backend: Any = "torch") -> float:
    """Seconds of compute per second of recording, the model being loaded."""
    predictor = Predictor.load(model, backend=backend)
    dialogue, _ = read_recording(film_file, words)
    began = time.perf_counter()
    rows = list(predictor.predict([dialogue]))
    assert len(rows) == int(seconds / UTTERANCE) and all("face" in row["modalities"] for row in rows)
    return (time.perf_counter() - began) / seconds


def _peak(model: Path, film_file: Path, answer: Any) -> None:
    keep_memory()  # as `mmerc predict` does
    began = time.perf_counter()
    dialogue, _ = read_recording(film_file)
    rows = sum(1 for _ in Predictor.load(model).predict([dialogue]))
    answer.put((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, rows, time.perf_counter() - began))


class Service:
    """`mmerc serve` in a process of its own, its uploads in a folder of its own."""

    def __init__(self, model: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.folder = tempfile.mkdtemp(prefix="bench-")
        command = [sys.executable, "-m", "mmerc", "serve", str(model), "--port", self.address.split(":")[1]]
        self.process = subprocess.Popen(command, env={**os.environ, "TMPDIR": self.folder})

    def wait(self) -> None:
        for _ in range(600):
            try:
                httpx.get(f"http://{self.address}/healthz").raise_for_status()
                return
            except httpx.HTTPError:
                time.sleep(0.2)
        raise SystemExit("the service did not start")

    def left(self) -> int:
        """Files that are still there after a moment's rest."""
        time.sleep(2)
        return len(list(Path(self.folder).iterdir()))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


async def live(address: str, voice: np.ndarray, count: int) -> list[float]:
    """Seconds from the end of each utterance to its answer."""
    sound = (np.resize(voice, int(UTTERANCE * SAMPLE_RATE)) * 32767).astype("<i2").tobytes()
    buffer = io.BytesIO()
    Image.fromarray(pictures.astronaut()).resize((640, 480)).save(buffer, "JPEG")  # as the page sends them
    took = []
    async with websockets.connect(f"ws://{address}/v1/stream", max_size=None) as socket_:
        await socket_.send(json.dumps({"type": "start", "turns": "client"}))
        await socket_.recv()
        for number in range(count):
            for part in range(15):
                await socket_.send(b"\x02" + buffer.getvalue())
                await socket_.send(b"\x01" + sound[part * len(sound) // 30 * 2 : (part + 1) * len(sound) // 30 * 2])
            await socket_.send(json.dumps({"type": "text", "text": WORDS[number % 5]}))
            began = time.perf_counter()
            await socket_.send('{"type": "end"}')
            answer = json.loads(await socket_.recv())
            took.append(time.perf_counter() - began)
            assert answer["type"] == "answer" and answer["modalities"] == ["text", "audio", "face"], answer
    return took


async def many(address: str, clip: bytes, clients: int, seconds: float) -> dict[str, int]:
    """What clients that send a clip and words again and again are answered."""
    until = time.monotonic() + seconds
    codes: dict[str, int] = {}

    async def one(number: int) -> None:
        async with httpx.AsyncClient(timeout=120) as client:
            while time.monotonic() < until:
                said = {"text": WORDS[number % 5], "conversation": f"client-{number}"}
                try:
                    response = await client.post(f"http://{address}/v1/utterances", data=said, files={"clip": clip})
                    code = str(response.status_code)
                except httpx.HTTPError as error:
                    code = type(error).__name__
                codes[code] = codes.get(code, 0) + 1

    await asyncio.gather(*(one(number) for number in range(clients)))
    return codes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--voice", type=Path, required=True, help="a recording of somebody who speaks")
    parser.add_argument("--seconds", type=float, default=60, help="of the recording with a transcript")
    parser.add_argument("--hours", type=float, default=2, help="of the long recording; 0 leaves it out")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds of silence between two utterances of it")
    parser.add_argument("--minutes", type=float, default=2, help="of many clients")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    keep_memory()
    voice = read_waveform(Clip(chosen.voice))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        film(folder / "talk.mp4", voice, chosen.seconds)
        film(folder / "clip.mp4", voice, UTTERANCE)
        transcript(folder / "talk.json", chosen.seconds)
        result: dict[str, Any] = {"threads": torch.get_num_threads(), "model": str(chosen.model)}
        talk = (folder / "talk.mp4", folder / "talk.json", chosen.seconds)
        result["720p recording with a transcript, s per s"] = round(recording(chosen.model, *talk), 3)
        for int8 in (False, True):
            name = "onnx, int8" if int8 else "onnx"
            parts = export_onnx(chosen.model, folder / name, int8=int8)["parts"]
            dialogue, _ = read_recording(*talk[:2])
            result[name] = {
                "largest difference of a probability": compare_backends(folder / name, [dialogue])[
                    "largest_difference_of_a_probability"
                ],
                "times as fast": {part: found["times_as_fast"] for part, found in parts.items()},
                "times as fast as float32": {part: found["times_as_fast_as_float32"] for part, found in parts.items()},
                "the recording, s per s": round(recording(folder / name, *talk, backend="onnx"), 3),
            }
        service = Service(chosen.model)
        try:
            service.wait()
            took = asyncio.run(live(service.address, voice, 43))[3:]
            result["live, s from end to answer"] = {
                "median": round(float(np.median(took)), 3),
                "p95": round(float(np.quantile(took, 0.95)), 3),
            }
            clip = (folder / "clip.mp4").read_bytes()
            result[f"{chosen.clients} clients"] = asyncio.run(
                many(service.address, clip, chosen.clients, 60 * chosen.minutes)
            )
            result["files left"] = service.left()
        finally:
            service.stop()
        if chosen.hours:
            film(folder / "part.mp4", voice, 2 * chosen.seconds, chosen.pause)
            repeated(folder / "part.mp4", folder / "long.mp4", 3600 * chosen.hours)
            context = multiprocessing.get_context("spawn")
            answer = context.Queue()
            process = context.Process(target=_peak, args=(chosen.model, folder / "long.mp4", answer))
            process.start()
            peak, rows, seconds = answer.get()
            process.join()
            result[f"{chosen.hours:g} h without a transcript"] = {
                "peak MiB": round(peak),
                "utterances": rows,
                "s per s": round(seconds / 3600 / chosen.hours, 3),
            }
    show(result, chosen.out)


if __name__ == "__main__":
    main()
