import json
from pathlib import Path

from mmerc.progress import Journal, bar


def test_a_journal_appends_events(tmp_path: Path) -> None:
    for number in range(2):
        Journal(tmp_path / "deep" / "log.jsonl").note(
            {"stage": "text", "epoch": number, "dev_f1_weighted": 0.5, "seconds": 1}
        )
    lines = [json.loads(line) for line in (tmp_path / "deep" / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1] and all(line["time"] > 0 for line in lines)


def test_a_bar_takes_any_count() -> None:
    with bar("reading", 3) as report:
        for done in range(6):
            report(done)
