from pathlib import Path

import pytest


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The parent of an empty cache and an empty mirror."""
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MMERC_WEIGHTS", str(tmp_path / "mirror"))
    (tmp_path / "mirror").mkdir()
    return tmp_path
