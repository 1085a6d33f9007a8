from pathlib import Path

import pytest

from mmerc.weights.folders import cache_folder, mirror_folder


def test_the_environment_says_where_weights_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMERC_CACHE", "/some/cache")
    monkeypatch.setenv("MMERC_WEIGHTS", "/some/mirror")
    assert (cache_folder(), mirror_folder()) == (Path("/some/cache"), Path("/some/mirror"))
    monkeypatch.setenv("MMERC_CACHE", "")
    monkeypatch.delenv("MMERC_WEIGHTS")
    assert cache_folder() == Path.home() / ".cache" / "mmerc" and mirror_folder() is None
