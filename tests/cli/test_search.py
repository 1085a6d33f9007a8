from pathlib import Path

from tests.cli.run import run


def test_a_wrong_space_is_one_sentence(small_corpus: Path, tmp_path: Path) -> None:
    space = tmp_path / "space.yaml"
    space.write_text("fusion.droput: [0.1, 0.2]")
    result = run("tune", f"meld:{small_corpus}", "--space", space, "--out", tmp_path / "search", "--preset", "smoke")
    assert result.exit_code == 2 and 'did you mean "dropout"?' in result.stderr
    assert not (tmp_path / "search").exists()
