"""How fast predictions are made and served, as JSON: a recording, a live stream, many clients at once, ONNX.

    python benchmarks/serve.py --model demo-run/run/model --voice ../shared/data/ravdess/Actor_01/03-01-01-01-01-01-01.flac

The recording is made here: a 720p film of a moving face, a voice, and a transcript of utterances of three seconds. Its packets
are repeated for the long recording. In a live stream, the sound and five images a second arrive in real time, and utterances of three seconds follow one
another; the measured time is that from the end of an utterance to its last prediction, with answers before the end. Several streams end their
utterances at the same time, which is their worst case. `cpu` is what the service computes in this time, on all cores, which depends little on what
else runs on the machine. With `--live-only` nothing else is measured.
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
from skimage import data as sample_images

from mmerc import Predictor
from mmerc.corpora import Clip
from mmerc.hardware import keep_memory
from mmerc.inference.recording import read_recording
from mmerc.media import SAMPLE_RATE, read_waveform
from mmerc.model.onnx.comparison import compare_backends
from mmerc.model.onnx.export import export_onnx

WARM_UP = 3  # utterances
UTTERANCE, FRAME_RATE = 3.0, 25  # seconds; frames per second
TEXTS = ("You came back!", "I never left.", "That is not what you said.", "Oh, come on.", "Fine.")


def write_film(file: Path, voice: np.ndarray, seconds: float, pause: float = 0.5) -> None:
    """Write a film of 1280x720 with a face that moves. The voice is repeated, with `pause` seconds of silence between."""
    portrait = np.asarray(Image.fromarray(sample_images.astronaut()[:300, 60:400]).resize((408, 360)))
    with av.open(str(file), "w") as container:
        video = container.add_stream("h264", rate=FRAME_RATE)
        video.width, video.height, video.pix_fmt = 1280, 720, "yuv420p"
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for number in range(int(seconds * FRAME_RATE)):
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


def repeat_film(file: Path, out: Path, seconds: float) -> None:
    """Repeat the packets of a film until it has this duration; nothing is encoded again."""
    with av.open(str(file)) as source, av.open(str(out), "w") as target:
        length = Fraction(source.duration or 1, av.time_base)
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for repetition in range(int(seconds / length) + 1):
            source.seek(0)
            for packet in source.demux():
                if packet.dts is None or packet.pts is None:
                    continue
                shift = int(repetition * length / packet.time_base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = streams[packet.stream.index]
                target.mux(packet)


def write_transcript(file: Path, seconds: float) -> None:
    """Write a transcript of utterances of three seconds."""
    count = int(seconds / UTTERANCE)
    rows = [
        {"start": UTTERANCE * n, "end": UTTERANCE * (n + 1), "text": TEXTS[n % 5], "speaker": "AB"[n % 2]}
        for n in range(count)
    ]
    file.write_text(json.dumps(rows))


def measure_recording(model: Path, film: Path, transcript: Path, seconds: float, backend: Any = "torch") -> float:
    """Seconds of computation per second of a recording; loading the model does not count."""
    predictor = Predictor.load(model, backend=backend)
    dialogue, _ = read_recording(film, transcript)
    started = time.perf_counter()
    rows = list(predictor.predict([dialogue]))
    assert len(rows) == int(seconds / UTTERANCE) and all("face" in row.modalities for row in rows)
    return (time.perf_counter() - started) / seconds


def measure_peak(model: Path, film: Path, results: Any) -> None:
    """Put the peak memory in MiB, the number of utterances and the seconds of a prediction into a queue."""
    keep_memory()  # as `mmerc predict` does
    started = time.perf_counter()
    dialogue, _ = read_recording(film)
    rows = sum(1 for _ in Predictor.load(model).predict([dialogue]))
    results.put((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, rows, time.perf_counter() - started))


class Service:
    """`mmerc serve` in another process. Its uploads go to a separate folder."""

    def __init__(self, model: Path, *options: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.folder = tempfile.mkdtemp(prefix="bench-")
        command = [sys.executable, "-m", "mmerc", "serve", str(model), "--port", self.address.split(":")[1]]
        command += ["--limit", "max_requests_per_minute=1000000", *options]
        self.process = subprocess.Popen(command, env={**os.environ, "TMPDIR": self.folder})

    def wait(self) -> None:
        for _ in range(600):
            try:
                httpx.get(f"http://{self.address}/readyz").raise_for_status()
                return
            except httpx.HTTPError:
                time.sleep(0.2)
        raise SystemExit("the service did not start")

    def count_files(self) -> int:
        """Uploads that are still there after two seconds."""
        time.sleep(2)
        return len(list(Path(self.folder).iterdir()))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def read_cpu_seconds(process_id: int) -> float:
    """The seconds that all threads of a process have computed."""
    files = Path(f"/proc/{process_id}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) / 1e9


async def measure_stream(service: Service, voice: np.ndarray, count: int) -> list[tuple[float, float]]:
    """Seconds from the end of each utterance of a live stream to its prediction, and what the service has computed in them."""
    sound = (np.resize(voice, int(UTTERANCE * SAMPLE_RATE)) * 32767).astype("<i2").tobytes()
    buffer = io.BytesIO()
    Image.fromarray(sample_images.astronaut()).resize((640, 480)).save(buffer, "JPEG")  # as the page sends them
    times = []
    async with websockets.connect(f"ws://{service.address}/v1/stream", max_size=None) as stream:
        await stream.send(json.dumps({"type": "start", "segmentation": "client"}))
        await stream.recv()
        for number in range(count):
            started = time.perf_counter()
            for part in range(15):
                await asyncio.sleep(started + part * UTTERANCE / 15 - time.perf_counter())
                await stream.send(b"\x02" + buffer.getvalue())
                await stream.send(b"\x01" + sound[part * len(sound) // 30 * 2 : (part + 1) * len(sound) // 30 * 2])
            await asyncio.sleep(started + UTTERANCE - time.perf_counter())
            await stream.send(json.dumps({"type": "text", "text": TEXTS[number % 5]}))
            ended, computed = time.perf_counter(), read_cpu_seconds(service.process.pid)
            await stream.send('{"type": "end"}')
            while not (message := json.loads(await stream.recv())).get("final"):  # answers before the end
                assert message["type"] in ("prediction", "speech"), message
            times.append((time.perf_counter() - ended, read_cpu_seconds(service.process.pid) - computed))
            assert message["type"] == "prediction" and message["modalities"] == ["text", "audio", "face"], message
    return times


async def measure_streams(service: Service, voice: np.ndarray, count: int, streams: int) -> dict[str, float]:
    """The times of several streams at once, which end their utterances together; the first three of each stream warm up."""
    found = await asyncio.gather(*(measure_stream(service, voice, WARM_UP + count) for _ in range(streams)))
    times, computed = np.array([each for times in found for each in times[WARM_UP:]]).T
    result = {"median": np.median(times), "p95": np.quantile(times, 0.95), "cpu": np.median(computed)}
    return {name: round(float(value), 3) for name, value in result.items()}


def measure_live(service: Service, voice: np.ndarray, streams: list[int], utterances: int) -> dict[str, Any]:
    """The times of live streams, for each number of streams."""
    return {
        f"live, {number} at once, s from end to prediction": asyncio.run(
            measure_streams(service, voice, utterances, number)
        )
        for number in streams
    }


async def count_responses(address: str, clip: bytes, clients: int, seconds: float) -> dict[str, int]:
    """The number of responses of each status to clients that send a clip and a text again and again."""
    deadline = time.monotonic() + seconds
    codes: dict[str, int] = {}

    async def send(number: int) -> None:
        async with httpx.AsyncClient(timeout=120) as client:
            while time.monotonic() < deadline:
                data = {"text": TEXTS[number % 5], "conversation": f"client-{number}"}
                try:
                    response = await client.post(f"http://{address}/v1/utterances", data=data, files={"clip": clip})
                    code = str(response.status_code)
                except httpx.HTTPError as error:
                    code = type(error).__name__
                codes[code] = codes.get(code, 0) + 1

    await asyncio.gather(*(send(number) for number in range(clients)))
    return codes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--voice", type=Path, required=True, help="a recording of a voice")
    parser.add_argument("--seconds", type=float, default=60, help="duration of the recording with a transcript")
    parser.add_argument("--hours", type=float, default=2, help="duration of the long recording; 0 leaves it out")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds of silence between its utterances")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 4, 16], help="numbers of live streams at once")
    parser.add_argument("--utterances", type=int, default=20, help="of each live stream")
    parser.add_argument("--minutes", type=float, default=2, help="duration of the test with many clients")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--live-only", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    keep_memory()
    if options.live_only:
        service = Service(options.model)
        try:
            service.wait()
            voice = read_waveform(Clip(options.voice))
            show(measure_live(service, voice, options.streams, options.utterances), options.out)
        finally:
            service.stop()
        return
    voice = read_waveform(Clip(options.voice))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_film(folder / "talk.mp4", voice, options.seconds)
        write_film(folder / "clip.mp4", voice, UTTERANCE)
        write_transcript(folder / "talk.json", options.seconds)
        result: dict[str, Any] = {"threads": torch.get_num_threads(), "model": str(options.model)}
        talk = (folder / "talk.mp4", folder / "talk.json", options.seconds)
        result["720p recording with a transcript, s per s"] = round(measure_recording(options.model, *talk), 3)
        for int8 in (False, True):
            name = "onnx, int8" if int8 else "onnx"
            parts = export_onnx(options.model, folder / name, int8=int8)["parts"]
            dialogue, _ = read_recording(*talk[:2])
            result[name] = {
                "largest difference of a probability": compare_backends(folder / name, [dialogue])[
                    "largest_difference_of_a_probability"
                ],
                "times as fast": {part: found["times_as_fast"] for part, found in parts.items()},
                "times as fast as float32": {part: found["times_as_fast_as_float32"] for part, found in parts.items()},
                "the recording, s per s": round(measure_recording(folder / name, *talk, backend="onnx"), 3),
            }
        service = Service(options.model)
        try:
            service.wait()
            result |= measure_live(service, voice, options.streams, options.utterances)
            clip = (folder / "clip.mp4").read_bytes()
            result[f"{options.clients} clients"] = asyncio.run(
                count_responses(service.address, clip, options.clients, 60 * options.minutes)
            )
            result["uploads left"] = service.count_files()
        finally:
            service.stop()
        if options.hours:
            write_film(folder / "part.mp4", voice, 2 * options.seconds, options.pause)
            repeat_film(folder / "part.mp4", folder / "long.mp4", 3600 * options.hours)
            context = multiprocessing.get_context("spawn")
            results = context.Queue()
            process = context.Process(target=measure_peak, args=(options.model, folder / "long.mp4", results))
            process.start()
            peak, rows, seconds = results.get()
            process.join()
            result[f"{options.hours:g} h without a transcript"] = {
                "peak MiB": round(peak),
                "utterances": rows,
                "s per s": round(seconds / 3600 / options.hours, 3),
            }
    show(result, options.out)


if __name__ == "__main__":
    main()
