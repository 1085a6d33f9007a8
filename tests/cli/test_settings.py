from pathlib import Path

import pytest

from mmerc.cli.settings import check_exclusive, load_run_config
from mmerc.corpora import open_corpus
from mmerc.errors import ConfigError


def test_a_preset_and_a_file_exclude_each_other() -> None:
    check_exclusive("smoke", None)
    with pytest.raises(ConfigError, match="exclude each other"):
        check_exclusive("smoke", Path("run.yaml"))


def test_the_options_become_a_configuration(small_corpus: Path) -> None:
    config = load_run_config(open_corpus(f"meld:{small_corpus}"), "smoke", None, ["fusion.epochs=7"], "text, face")
    assert list(config.modalities) == ["text", "face"] and config.fusion.epochs == 7
