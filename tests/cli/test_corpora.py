import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.run import run


def test_corpus_check_as_json_and_as_a_table(small_corpus: Path) -> None:
    counted = json.loads(run("corpus", "check", f"meld:{small_corpus}", "--json").stdout)
    assert counted["splits"]["train"]["utterances"] == 12
    assert all(problem["kind"] in ("audio", "clip") for problem in counted["problems"])
    shown = run("corpus", "check", f"meld:{small_corpus}")
    assert shown.exit_code == 0 and "utterances" in shown.stdout and "surprise" in shown.stdout


@pytest.mark.realdata
def test_corpus_check_on_meld(real_data: Path) -> None:
    counted = json.loads(run("corpus", "check", f"meld:{real_data / 'meld'}", "--json").stdout)
    assert [counted["splits"][split]["utterances"] for split in ("train", "dev", "test")] == [9989, 1109, 2610]
    assert len(counted["problems"]) == 4


def test_what_is_wrong_everywhere_is_one_line(tmp_path: Path) -> None:
    rows = "".join(f"{n},0,A,x,0:00:0{n % 9}.5,0:00:00.1,{n}.mp4\n" for n in range(1, 13))
    (tmp_path / "t.csv").write_text("dialogue,utterance,speaker,text,start,end,clip\n" + rows)
    shown = run("corpus", "check", f"table:{tmp_path / 't.csv'}").stdout
    assert "and 11 more" in shown and "(no label)" in shown and "… s before it starts; left empty" in shown


def test_what_a_user_wrote_is_shown_as_it_was_written() -> None:
    assert run("corpus", "check", "meld:x").stderr == "error: meld:x: there is nothing at x: check the path.\n"


@pytest.mark.parametrize("locale", [{"PYTHONIOENCODING": "cp1252"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_output_is_utf8_whatever_the_locale(tmp_path: Path, locale: dict[str, str]) -> None:
    rows = "1,0,Ann,a,高兴\n1,1,Ann,a,悲\n1,2,Ann,a,高兴/悲\n"
    (tmp_path / "t.csv").write_text("dialogue,utterance,speaker,text,emotion\n" + rows, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "mmerc", "corpus", "check", f"table:{tmp_path / 't.csv'}"],
        env={**os.environ, **locale},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0
    assert "│ 高兴" in result.stdout.decode("utf-8")
    assert 'the label "高兴/悲" (1 of 3) names several emotions' in result.stderr.decode("utf-8")
