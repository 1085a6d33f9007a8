"""What the command line shows a person."""

import errno

import pytest
import typer
from rich.console import Console

from mmerc import terminal
from mmerc.corpora import Problem
from mmerc.errors import ConfigError
from mmerc.terminal import exit_on_error, print_export, print_input_problems, print_statistics


def fail(error: BaseException) -> None:
    @exit_on_error
    def train() -> None:
        raise error

    train()


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (ConfigError("give [one] of them."), 2, "error: give [one] of them."),
        (OSError(errno.EACCES, "Permission denied", "/x/y"), 2, "error: /x/y: Permission denied: check the path"),
        (KeyboardInterrupt(), 130, "stopped; run the same command to continue"),
    ],
)
def test_an_error_is_one_sentence(
    error: BaseException, code: int, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console(record=True, width=200)
    monkeypatch.setattr(terminal, "errors", console)
    with pytest.raises(typer.Exit) as caught:
        fail(error)
    assert caught.value.exit_code == code and sentence in console.export_text()


def test_an_error_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        fail(ZeroDivisionError())


@pytest.mark.parametrize(
    ("count", "is_transcript", "shown", "not_shown"),
    [
        (1, False, "1 problem in the corpus", "1 problems"),
        (3, False, "3 problems in the corpus", "row 0"),
        (0, True, "", "more"),
        (12, True, "and 2 more problems", "row 11"),
        (11, True, "and 1 more problem", "more problems"),
    ],
)
def test_problems_of_the_input(
    count: int, is_transcript: bool, shown: str, not_shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console(record=True, width=200)
    monkeypatch.setattr(terminal, "errors", console)
    print_input_problems([Problem("time", f"row {n}", "is [odd]") for n in range(count)], is_transcript=is_transcript)
    text = console.export_text()
    assert shown in text and not_shown not in text


def test_many_places_with_one_problem_are_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(record=True, width=200)
    monkeypatch.setattr(terminal, "console", console)
    split = {
        "utterances": 12, "dialogues": 1, "speakers": 2, "clips": 0, "gaps": 0, "overlaps": 0, "not_monotonic": 0,
        "emotions": {"joy": 10}, "dimensions": {}, "agreement": None,
    }  # fmt: skip
    problems = [{"kind": "clip", "where": f"row {n}", "what": f"a{n}.mp4 is empty"} for n in range(12)]
    scene = {"split": "train", "dialogues": ["1", "2"], "utterances": 3, "conflicting_labels": 1}
    print_statistics(
        {
            "corpus": "c",
            "labels": ["joy"],
            "splits": {"train": split},
            "problems": problems,
            "absent": ["video"],
            "repeated_scenes": [scene],
        }
    )
    text = console.export_text()
    assert "row 0 and 11 more" in text and "(no label)" in text and "dialogues 1 and 2, 3 utterances" in text
    assert text.count("no clip of this corpus has video") == 1


def test_an_export_is_a_table() -> None:
    console = Console(record=True, width=200)
    part = {"largest_difference": 1e-5, "times_as_fast": 1.5, "times_as_fast_as_float32": 2.0}
    print_export(console, {"parts": {"text": part}, "check": {"same_emotion": 1.0}})
    text = console.export_text()
    assert "1.0e-05" in text and "1.50" in text and "same emotion: 1.0" in text
