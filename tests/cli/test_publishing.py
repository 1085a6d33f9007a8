from pathlib import Path

from tests.cli.run import run


def test_what_is_no_model_is_one_sentence(tmp_path: Path) -> None:
    result = run("push", tmp_path, "lab/tiny")
    assert result.exit_code == 2 and "is not a model folder" in result.stderr
