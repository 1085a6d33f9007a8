import json
from pathlib import Path

import pytest

from tests.cli.run import run


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
