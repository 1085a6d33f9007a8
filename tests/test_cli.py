import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from mmerc.cli import app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def verbs(command: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The command itself and every verb under it, as the words that call them."""
    return [
        path,
        *(verb for name, child in getattr(command, "commands", {}).items() for verb in verbs(child, (*path, name))),
    ]


@pytest.mark.parametrize("verb", verbs(typer.main.get_command(app)), ids=" ".join)
def test_every_verb_explains_itself(verb: tuple[str, ...]) -> None:
    result = run(*verb, "--help")
    assert result.exit_code == 0
    words = result.stdout.split()  # Usage: PROGRAM VERB ...
    assert words[0] == "Usage:" and tuple(words[2 : 2 + len(verb)]) == verb


def test_the_list_of_verbs_is_complete() -> None:
    assert {"train", "serve", "corpus check", "weights fetch"} <= {
        " ".join(verb) for verb in verbs(typer.main.get_command(app))
    }


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


def test_predictions_as_jsonl_and_csv(small_run: Path, small_corpus: Path, tmp_path: Path) -> None:
    source = f"meld:{small_corpus}#test"
    result = run("predict", small_run / "model", source, "--out", tmp_path / "p.jsonl")
    assert (result.exit_code, result.stdout) == (0, "")
    rows = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    table = list(csv.DictReader(run("predict", small_run / "model", source, "--format", "csv").stdout.splitlines()))
    assert [row["emotion"] for row in rows] == [row["emotion"] for row in table]
    assert list(table[0])[:8] == ["split", "dialogue", "utterance", "speaker", "text", "start", "end", "emotion"]
    assert float(table[0]["p_joy"]) == rows[0]["probabilities"]["joy"]
    assert run("predict", small_run / "model", source, "--out", tmp_path / "p.xlsx").exit_code == 0
    assert (tmp_path / "p.xlsx").read_bytes()[:2] == b"PK"
    refused = run("predict", small_run / "model", source, "--format", "xlsx")
    assert refused.exit_code == 2 and "name a file with --out" in refused.stderr
    again = run("predict", small_run / "model", source, "--out", small_corpus / "test_sent_emo.csv")
    assert again.exit_code == 2 and "choose a path outside it" in again.stderr


def test_evaluation_as_json_and_as_tables(small_run: Path) -> None:
    assert json.loads(run("evaluate", small_run, "--json").stdout)["split"] == "test"
    shown = run("evaluate", small_run, "--split", "dev").stdout
    assert "Table 1" in shown and "Table 2" in shown and "Table 3" in shown


def test_errors_are_one_sentence_on_stderr_and_exit_with_2(small_corpus: Path, tmp_path: Path) -> None:
    result = run("train", f"meld:{small_corpus}", "--out", tmp_path / "r", "--set", "text.epoch=1")
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr == 'error: "text.epoch" is not a setting: did you mean "epochs"?\n'
    both = run("train", "meld:/none", "--out", tmp_path, "--preset", "smoke", "--config", "x.yaml")
    assert both.exit_code == 2 and "exclude each other" in both.stderr


def test_weights_are_listed_with_their_licence() -> None:
    shown = run("weights", "list").stdout
    for name in ("mtcnn", "vggface2", "casia-webface", "wavernn-ljspeech", "MIT"):
        assert name in shown


def test_paper_fails_at_once_without_its_weights(
    small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path))
    result = run(
        "train", f"meld:{small_corpus}", "--out", tmp_path / "r", "--preset", "paper", "--modalities", "audio,face"
    )
    assert result.exit_code == 2
    assert "run `mmerc weights fetch wavernn-ljspeech`" in result.stderr


def test_what_is_wrong_everywhere_is_one_line(tmp_path: Path) -> None:
    rows = "".join(f"{n},0,A,x,0:00:0{n % 9}.5,0:00:00.1,{n}.mp4\n" for n in range(1, 13))
    (tmp_path / "t.csv").write_text("dialogue,utterance,speaker,text,start,end,clip\n" + rows)
    shown = run("corpus", "check", f"table:{tmp_path / 't.csv'}").stdout
    assert "and 11 more" in shown and "(no label)" in shown and "… s before it starts; left empty" in shown


def test_a_port_that_is_taken_is_one_sentence(small_run: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("serve", small_run / "model", "--port", taken.getsockname()[1])
    assert result.exit_code == 2 and "choose another --port" in result.stderr and "http://" not in result.stderr


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
