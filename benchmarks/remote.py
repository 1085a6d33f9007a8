"""Ten seconds of a recording at an address: the bytes that are read, beside the bytes of the part itself, as JSON.

    python benchmarks/remote.py [--out FILE]

The recordings have five minutes: a WAV file of 16 bits with 16,000 and with 48,000 samples a second, and an MP4 file with H.264 and AAC. They are
drawn and written here, and served over HTTP by this process, each answer after 50 ms. `ratio` is the mean over five places in the file,
each read with nothing in memory; `requests` and `seconds` are the means, too. The bytes of the part are those of its packets; pictures
begin at a key frame.
"""

import argparse
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import numpy as np
from result import show

from mmerc.addresses import forget_files, make_path
from mmerc.corpora import Clip
from mmerc.media import read_frames, read_waveform

MINUTES, SECONDS, LATENCY = 5, 10, 0.05
PLACES = (0, 33, 120, 201, 290)  # seconds at which a part begins
FRAME_RATE, SIZE = 25, (640, 360)


class Server(ThreadingHTTPServer):
    """The files of a folder over HTTP with byte ranges; `sent` are the bytes of the requests for files, one for each."""

    folder = Path()
    sent: list[int]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.server.sent.append(self.answer())

    def answer(self) -> int:
        time.sleep(LATENCY)
        file = self.server.folder / Path(self.path).name
        size = file.stat().st_size
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        first, last = (int(wanted[1]), min(int(wanted[2]), size - 1)) if wanted else (0, size - 1)
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if self.command == "GET":
            with file.open("rb") as stream:
                stream.seek(first)
                self.wfile.write(stream.read(last - first + 1))
        return last - first + 1

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.folder, server.sent = folder, []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write_wav(file: Path, rate: int) -> None:
    with av.open(str(file), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout="mono")
        rng = np.random.default_rng(0)
        for _ in range(60 * MINUTES):
            frame = av.AudioFrame.from_ndarray(rng.integers(-9999, 9999, (1, rate), np.int16), "s16", "mono")
            frame.sample_rate = rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_mp4(file: Path) -> None:
    """Noise that moves over a picture, at about 2 Mbit/s, and noise as the sound."""
    rng = np.random.default_rng(0)
    width, height = SIZE
    with av.open(str(file), "w") as container:
        video: Any = container.add_stream("libx264", rate=FRAME_RATE, options={"preset": "ultrafast", "crf": "30"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        sound: Any = container.add_stream("aac", rate=48_000, layout="mono")
        picture = rng.integers(0, 255, (height, 2 * width, 3), np.uint8)
        picture = picture.reshape(height // 4, 4, 2 * width // 4, 4, 3).mean((1, 3)).repeat(4, 0).repeat(4, 1)
        for second in range(60 * MINUTES):
            for number in range(FRAME_RATE):
                shift = (second * FRAME_RATE + number) * 3 % width
                image = np.ascontiguousarray(picture[:, shift : shift + width], np.uint8)
                container.mux(video.encode(av.VideoFrame.from_ndarray(image)))
            samples = rng.normal(0, 0.1, (1, 48_000)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
            frame.sample_rate, frame.pts = 48_000, second * 48_000
            container.mux(sound.encode(frame))
        for stream in (video, sound):
            container.mux(stream.encode(None))


def count_bytes(file: Path, start: float, end: float) -> int:
    """The bytes of the packets of a part of the file. Those of pictures begin at the key frame that the first one needs."""
    total = 0
    with av.open(str(file)) as container:
        tracks: list[Any] = [*container.streams.video, *container.streams.audio]
        for track in tracks:
            container.seek(0)
            packets = [packet for packet in container.demux(track) if packet.pts is not None]
            times = [float((packet.pts or 0) * track.time_base) for packet in packets]
            keys = [time for packet, time in zip(packets, times, strict=True) if packet.is_keyframe and time <= start]
            first = max(keys, default=0.0) if track.type == "video" else start
            total += sum(packet.size for packet, time in zip(packets, times, strict=True) if first <= time < end)
    return total


def measure(file: Path, server: Server) -> dict[str, float]:
    ratios, requests, seconds = [], [], []
    for start in PLACES:
        forget_files()
        server.sent.clear()
        clip, begun = (
            Clip(make_path(f"{server.url}/{file.name}"), float(start), float(start + SECONDS)),
            time.perf_counter(),
        )
        read_waveform(clip)
        if file.suffix == ".mp4":
            read_frames(clip, 30)
        seconds.append(time.perf_counter() - begun)
        ratios.append(sum(server.sent) / count_bytes(file, start, start + SECONDS))
        requests.append(len(server.sent))
    return {
        "megabytes": round(file.stat().st_size / 1e6, 1),
        "ratio": round(float(np.mean(ratios)), 3),
        "largest_ratio": round(max(ratios), 3),
        "requests": float(np.mean(requests)),
        "seconds": round(float(np.mean(seconds)), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as server:
        files = [Path(folder) / name for name in ("16000.wav", "48000.wav", "talk.mp4")]
        write_wav(files[0], 16_000)
        write_wav(files[1], 48_000)
        write_mp4(files[2])
        show({file.name: measure(file, server) for file in files}, options.out)


if __name__ == "__main__":
    main()
