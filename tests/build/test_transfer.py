import json
from pathlib import Path

import numpy as np
import pytest

from mmerc.build.transfer import fit_weight, store_transfer


def draw(count: int, signal: float) -> tuple[np.ndarray, np.ndarray]:
    """Evidence of a network that takes its signal to be 2, and the labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=count)
    return 2 * (signal * np.eye(3)[labels] + rng.normal(size=(count, 3))), labels


def test_the_weight_is_what_the_evidence_is_worth() -> None:
    assert fit_weight(*draw(2000, 2.0)) == pytest.approx(1, abs=0.1)
    assert fit_weight(*draw(2000, 1.0)) == pytest.approx(
        0.5, abs=0.1
    )  # the log-likelihood ratio is signal * evidence / 2
    assert fit_weight(*draw(2000, 0.0)) == pytest.approx(0, abs=0.1)


def test_what_was_measured_goes_into_the_model_folder(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"name": "voice"}')
    store_transfer(tmp_path, "audio", [])
    assert json.loads((tmp_path / "config.json").read_text()) == {"name": "voice"}
    store_transfer(tmp_path, "audio", [{"corpus": "EMO-DB", "weight": 0.5}])
    found = json.loads((tmp_path / "config.json").read_text())
    assert found == {"name": "voice", "transfer": {"audio": [{"corpus": "EMO-DB", "weight": 0.5}]}}
