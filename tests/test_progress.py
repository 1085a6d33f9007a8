import json
import logging
from pathlib import Path

import pytest
from rich.console import Console
from rich.logging import RichHandler

from mmerc import progress
from mmerc.progress import EventLog, show_log, show_progress


def test_events_are_appended(tmp_path: Path) -> None:
    for number in range(2):
        EventLog(tmp_path / "deep" / "log.jsonl").write(
            {"stage": "text", "epoch": number, "dev_f1_weighted": 0.5, "seconds": 1}
        )
    lines = [json.loads(line) for line in (tmp_path / "deep" / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1] and all(line["time"] > 0 for line in lines)


def test_other_processes_write_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    EventLog(tmp_path / "log.jsonl").write({"stage": "text"})
    assert not (tmp_path / "log.jsonl").exists()


def test_a_bar_shows_at_most_its_total(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(force_terminal=True, width=100, record=True)
    monkeypatch.setattr(progress, "console", console)
    with show_progress("reading", 3) as report:
        for done in range(6):
            report(done)
    assert "reading" in (shown := console.export_text()) and "3/3" in shown and "5/3" not in shown


def test_bytes_are_shown_in_their_units_also_without_a_total(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(force_terminal=True, width=100, record=True)
    monkeypatch.setattr(progress, "console", console)
    with show_progress("a.zip", None, is_bytes=True) as report:
        report(1_500_000)
        report(2_000_000, 4_000_000)
    assert "2.0/4.0 MB" in console.export_text()


def test_the_total_may_be_known_later(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(force_terminal=True, width=100, record=True)
    monkeypatch.setattr(progress, "console", console)
    with show_progress("predicting", 1) as report:
        report(2, 8)
    assert "2/8" in console.export_text()


def test_the_log_goes_to_stderr_once() -> None:
    for _ in range(2):
        show_log()
    log = logging.getLogger("mmerc")
    assert sum(isinstance(handler, RichHandler) for handler in log.handlers) == 1 and log.level == logging.INFO
