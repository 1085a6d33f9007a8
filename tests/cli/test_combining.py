import json
from pathlib import Path

from tests.cli.run import run


def test_combine_prints_what_the_model_was_made_of(small_run: Path, tmp_path: Path) -> None:
    result = run("combine", f"{small_run / 'model'}#text,audio", "--out", tmp_path / "model")
    assert result.exit_code == 0, result.stderr
    shown = " ".join(result.stdout.split())
    assert (
        "text" in shown and "1.00" in shown and "prior: anger 14 %" in shown and f"model: {tmp_path / 'model'}" in shown
    )
    again = run("combine", small_run / "model", "--out", tmp_path / "model")
    assert again.exit_code == 2 and "exists already" in again.stderr


def test_combine_prints_json(small_run: Path, tmp_path: Path) -> None:
    result = run("combine", small_run / "model", "--out", tmp_path / "model", "--prior", "meld", "--json")
    assert result.exit_code == 0, result.stderr
    info = json.loads(result.stdout)
    assert info["folder"] == str(tmp_path / "model") and info["prior"][4] > 0.4
    assert set(info["combination"]["parts"]) == {"text", "audio", "face"}


def test_build_says_what_it_lacks(tmp_path: Path) -> None:
    result = run("build", "--corpora", tmp_path, "--out", tmp_path / "built")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ") and "mmerc corpus fetch" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
