import json
from pathlib import Path

import pytest

from tests.cli.run import run
from tests.training.packs import write_pack


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


def test_paper_fails_at_once_without_its_weights(
    small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path))
    result = run(
        "train", f"meld:{small_corpus}", "--out", tmp_path / "r", "--preset", "paper", "--modalities", "audio,face"
    )
    assert result.exit_code == 2
    assert "run `mmerc weights fetch wavernn-ljspeech`" in result.stderr


def test_folds_on_the_command_line(tmp_path: Path) -> None:
    corpus = write_pack(tmp_path / "mine", speakers=3)
    options = ("--modalities", "pulse", "--set", "pulse.epochs=1", "--out", tmp_path / "r")
    result = run("train", corpus.location, *options, "--folds", "3")
    assert result.exit_code == 0, result.stderr
    assert "Cross-validation, 3 folds by speaker" in result.stdout
    assert result.stderr.endswith(f"report: {tmp_path / 'r' / 'report.html'}\n")
    assert (tmp_path / "r" / "fold-2" / "report.html").is_file()
    alone = run("train", corpus.location, *options, "--fold-by", "speaker")
    assert alone.exit_code == 2 and "--fold-by needs --folds" in alone.stderr


def test_options_of_evaluate_that_exclude_each_other(small_run: Path, tmp_path: Path) -> None:
    for arguments, sentence in (
        (["--cross", "meld:a,meld:b"], "--cross needs --out DIR"),
        ([small_run, "--cross", "meld:a,meld:b", "--out", tmp_path / "o"], "and no RUN"),
        ([small_run, "--out", tmp_path / "o"], "are for --cross"),
        ([], "nothing to score: give a run folder"),
    ):
        result = run("evaluate", *arguments)
        assert result.exit_code == 2 and sentence in " ".join(result.stderr.split())
