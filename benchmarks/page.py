"""How smoothly the page of a recording opens, scrolls and follows the playback in Chromium, as JSON.

    python benchmarks/page.py [--utterances 5000] [--hours 2] [--speakers 4] [--chromium /usr/bin/chromium] [--out FILE]

The page is that of a made recording with a waveform. `open`: seconds until it can be used. For each kind of movement: `frames per second` between
the first and the last frame as the browser counts them (at most 60, and less on a busy computer), `CPU per frame`: milliseconds of the page's main thread, which
other programs change little, and `longest frame`: milliseconds. `memory`: MiB of the JavaScript heap.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright
from result import show
from scipy.io import wavfile

from mmerc.emotions import SEVEN
from mmerc.inference.export.document import Document
from mmerc.inference.export.timeline import write_timeline
from mmerc.model import Prediction

FRAMES = 120  # of each movement
# A movement of so many pixels or seconds in each frame. The result: the times of the frames, in milliseconds.
MOVE = """async ([kind, frames]) => {
  const table = document.querySelector(".scroll"), lanes = document.querySelector(".lanes"), times = [];
  const wheel = (deltaX, deltaY, ctrlKey) => lanes.dispatchEvent(new WheelEvent("wheel", { deltaX, deltaY, ctrlKey, bubbles: true, cancelable: true }));
  const press = (key) => table.firstChild.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const moves = {
    "table, slowly": () => { table.scrollTop += 60; },
    "table, a screen at a time": () => { table.scrollTop += table.clientHeight; },
    "timeline, panned": () => wheel(40, 0, false),
    "timeline, zoomed": (frame) => wheel(0, frame < frames / 2 ? 60 : -60, true),
    "arrow key": () => press("ArrowDown"),
  };
  for (let frame = 0; frame < frames; frame++) {
    moves[kind](frame);
    times.push(await new Promise(requestAnimationFrame));
  }
  return times;
}"""
KINDS = ("table, slowly", "table, a screen at a time", "timeline, panned", "timeline, zoomed", "arrow key")


def make_rows(count: int, seconds: float, num_speakers: int) -> Iterator[Prediction]:
    """Utterances of people who speak in turns, with random probabilities."""
    rng = np.random.default_rng(0)
    length = seconds / count
    for number in range(count):
        probabilities = dict(zip(SEVEN.names, rng.dirichlet(np.full(7, 0.3)).tolist(), strict=True))
        ranked = sorted(probabilities, key=probabilities.__getitem__, reverse=True)
        is_certain = probabilities[ranked[0]] > 0.9
        yield Prediction(
            split="input", dialogue="talk", utterance=number, speaker=f"speaker {1 + int(rng.integers(num_speakers))}",
            text=" ".join(["word"] * int(rng.integers(1, 20))), start=number * length, end=(number + 0.8) * length, emotion=ranked[0],
            confidence=probabilities[ranked[0]], probabilities=probabilities, set=tuple(ranked[: 1 if is_certain else 3]), coverage=0.9,
            uncertain=not is_certain, modalities=("text", "audio"), missing={"face": "the speaker is not seen"}, model="m", trained_on="MELD",
        )  # fmt: skip


def write_page(folder: Path, count: int, seconds: float, num_speakers: int) -> str:
    rng = np.random.default_rng(0)
    loudness = np.repeat(rng.uniform(0, 0.8, int(seconds) + 1), 16_000)
    sound = (loudness * rng.uniform(-1, 1, len(loudness)) * 32_767).astype(np.int16)
    wavfile.write(folder / "talk.wav", 16_000, sound)
    rows = list(make_rows(count, seconds, num_speakers))
    document = Document(rows, subkeys={"probabilities": SEVEN.names}, recording=folder / "talk.wav")
    write_timeline(folder / "page.html", document)
    return (folder / "page.html").as_uri()


def measure(page: Page) -> dict[str, Any]:
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable", {"timeDomain": "threadTicks"})  # other processes do not count

    def read(name: str) -> float:
        metrics = client.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == name))

    found: dict[str, Any] = {}
    for kind in KINDS:
        before = read("TaskDuration")
        times = np.array(page.evaluate(MOVE, [kind, FRAMES]))
        found[kind] = {
            "frames per second": round(1000 * (len(times) - 1) / (times[-1] - times[0]), 1),
            "CPU per frame": round(1000 * (read("TaskDuration") - before) / FRAMES, 1),
            "longest frame": round(float(np.diff(times).max()), 1),
        }
    return found | {"memory": round(read("JSHeapUsedSize") / 2**20, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=5000)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--speakers", type=int, default=4)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as engine:
        url = write_page(Path(folder), options.utterances, 3600 * options.hours, options.speakers)
        browser = engine.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(url)
        opened = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd / 1000")
        result = {"utterances": options.utterances, "open": round(opened, 2), **measure(page)}
        browser.close()
    show(result, options.out)


if __name__ == "__main__":
    main()
