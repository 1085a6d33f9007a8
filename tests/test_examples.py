"""The programs in examples/ run as they are, and are short enough to copy."""

import io
import json
import runpy
import sys
import time
import wave
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from mmerc.client import Client
from tests.client.service import run_service

EXAMPLES = Path(__file__).parent.parent / "examples"
LONGEST = 60  # lines


def execute(name: str, *arguments: object) -> None:
    """Run the example as its own program, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_each_example_has_a_test_and_is_short() -> None:
    programs = sorted(EXAMPLES.glob("*.py"))
    assert len(programs) == 6
    for program in programs:
        assert f"test_{program.stem}" in globals(), program.name
        assert len(program.read_text(encoding="utf-8").splitlines()) <= LONGEST, program.name


@pytest.mark.weights
def test_predict_recording(
    small_corpus: Path, small_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    transcript = tmp_path / "talk.srt"
    transcript.write_text("1\n00:00:00,100 --> 00:00:00,900\nAnn: We got the guitar!\n", encoding="utf-8")
    execute("predict_recording.py", small_run / "model", next(small_corpus.rglob("*.mp4")), transcript)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[:3] == ["0.10", "s", "Ann"]
    assert "text" in line.partition("  from ")[2]


@pytest.mark.weights
def test_live_conversation(
    small_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("Ann: You came back!\nOf course.\n"))
    execute("live_conversation.py", small_run / "model")
    lines = capsys.readouterr().out.splitlines()
    answers = [line for line in lines if " without " not in line]
    assert [line.split()[0] for line in answers] == ["Ann", "?"]
    assert [line.partition("without ")[2].partition(":")[0] for line in lines if " without " in line] == [
        "audio",
        "face",
    ] * 2


def test_train_and_evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    execute("train_and_evaluate.py", tmp_path)
    majority, text, model = capsys.readouterr().out.splitlines()[-3:]
    assert majority.startswith("majority") and text.startswith("text")
    assert float(text.split()[-1]) > float(majority.split()[-1])
    assert Path(model.removeprefix("the model is in ")).is_dir()


def test_own_signal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    execute("own_signal.py", tmp_path)
    rows = [line for line in capsys.readouterr().out.splitlines() if line.endswith("('text', 'body')")]
    assert len(rows) == 15
    right = [row.split()[2] == ("fear" if number % 2 else "neutral") for number, row in enumerate(rows, start=75)]
    assert sum(right) >= 13


WORDS = ["emotion", "confidence"]


class Outlet:
    """In place of pylsl's, which is not on every machine; ROS 2 has a stub too."""

    samples: ClassVar[list[tuple[list[float], float]]] = []

    def __init__(self, info: Any) -> None:
        Outlet.samples = []

    def push_sample(self, values: list[float], when: float) -> None:
        Outlet.samples.append((values, when))


class Element:
    """In place of pylsl's description of a stream."""

    def __init__(self, *_: Any) -> None:
        pass

    def desc(self) -> "Element":
        return self

    append_child = append_child_value = lambda self, *_: self


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """A quarter of a second: the rest of an utterance ends with the conversation."""
    file = tmp_path / "talk.wav"
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes((np.sin(np.arange(4000) / 5) * 9000).astype("<i2").tobytes())
    return file


def test_lsl_outlet(speech: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = SimpleNamespace(StreamInfo=Element, StreamOutlet=Outlet, IRREGULAR_RATE=0.0, local_clock=lambda: 100.0)
    monkeypatch.setitem(sys.modules, "pylsl", stub)  # type: ignore[arg-type]
    with run_service() as url:
        module = runpy.run_path(str(EXAMPLES / "lsl_outlet.py"))
        outlet = module["make_outlet"](["joy", "anger"])
        outlet.push_sample([0.8, 0.2], 101.0)
        assert Outlet.samples == [([0.8, 0.2], 101.0)]
        monkeypatch.setattr(sys, "argv", ["lsl_outlet.py", "--url", url, "--sound", str(speech)])
        module["main"]()


def test_ros2_node(monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[str] = []

    class Node:
        def __init__(self, name: str) -> None:
            self.callbacks: dict[str, Any] = {}

        def create_publisher(self, *_: Any) -> Any:
            return SimpleNamespace(publish=lambda message: published.append(message.data))

        def create_subscription(self, kind: Any, topic: str, callback: Any, depth: int) -> None:
            self.callbacks[topic] = callback

    modules = {name: ModuleType(name) for name in ("rclpy", "rclpy.node", "std_msgs", "std_msgs.msg")}
    modules["rclpy.node"].Node = Node  # type: ignore[attr-defined]
    modules["std_msgs.msg"].Int16MultiArray = modules["std_msgs.msg"].String = SimpleNamespace  # type: ignore[attr-defined]
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    node_module = runpy.run_path(str(EXAMPLES / "ros2_node.py"))
    with run_service() as url, Client(url) as client, client.stream(segmentation="client", interim=False) as stream:
        node = node_module["EmotionNode"](stream)
        node.callbacks["audio"](SimpleNamespace(data=[0] * 8000))
        stream.end_utterance()
        deadline = time.monotonic() + 10
        while not published and time.monotonic() < deadline:
            time.sleep(0.01)
        stream.stop()
    (found,) = published
    assert set(WORDS) <= set(json.loads(found)) <= set(node_module["FIELDS"])
