"""The programs in examples/ run as they are, and are short enough to copy."""

import io
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
LONGEST = 60  # lines


def execute(name: str, *arguments: object) -> None:
    """Run the example as its own program, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_each_example_has_a_test_and_is_short() -> None:
    programs = sorted(EXAMPLES.glob("*.py"))
    assert len(programs) == 4
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
