from pathlib import Path

import pytest

from mmerc.cache import get_cache_folder, get_mirror_folder


def test_the_environment_says_where_weights_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMERC_CACHE", "/some/cache")
    monkeypatch.setenv("MMERC_WEIGHTS", "/some/mirror")
    assert (get_cache_folder(), get_mirror_folder()) == (Path("/some/cache"), Path("/some/mirror"))
    monkeypatch.setenv("MMERC_CACHE", "")
    monkeypatch.delenv("MMERC_WEIGHTS")
    assert get_cache_folder() == Path.home() / ".cache" / "mmerc" and get_mirror_folder() is None
