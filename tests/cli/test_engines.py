import json
from pathlib import Path

from mmerc.features.store import FeatureStore
from tests.cli.run import run


def test_extract_writes_a_store_for_each_modality(small_run: Path, small_corpus: Path, tmp_path: Path) -> None:
    command = ("extract", small_run / "model", f"meld:{small_corpus}#test", "--out", tmp_path / "store")
    result = run(*command)
    assert result.exit_code == 0, result.stderr
    assert "modality" in result.stdout and f"features: {tmp_path / 'store'}" in result.stdout
    again = json.loads(run(*command, "--json").stdout)
    assert again["utterances"] == 8 and set(again["missing"]) == {"text", "audio", "face"}
    assert len(FeatureStore(tmp_path / "store" / "text")) == 8


def test_options_of_a_cluster_need_its_engine(small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("dialogue,utterance,speaker,text\n1,0,Ann,We won!\n")
    command = ("predict", small_run / "model", f"table:{tmp_path / 't.csv'}")
    for option in ("--address", "auto"), ("--workers", "2"):
        refused = run(*command, *option)
        assert refused.exit_code == 2 and "add --engine ray" in " ".join(refused.stderr.split())
    nowhere = run(*command, "--engine", "ray")
    assert nowhere.exit_code == 2 and "name a file with --out" in " ".join(nowhere.stderr.split())
