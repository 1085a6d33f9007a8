from pathlib import Path

import pytest

from mmerc.errors import ConfigError
from mmerc.training import tracking
from mmerc.training.tracking import check_logger, open_logger


def test_an_absent_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="trainer.logger=wandb needs the package wandb: run `pip install wandb`"):
        check_logger("wandb")
    check_logger("csv")
    check_logger("none")


def test_csv_files_have_a_new_version_for_each_call(tmp_path: Path) -> None:
    for number in (0, 1):
        logger = open_logger("csv", tmp_path)
        logger.log_metrics({"loss": 1.0}, 1)
        logger.save()
        assert logger.log_dir == str(tmp_path / "logs" / "csv" / f"version_{number}")
    with pytest.raises(ConfigError, match=r"trainer\.logger is none"):
        open_logger("none", tmp_path)
