"""A server and an empty folder for corpora, without a mirror."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmerc import download
from tests.file_server import FileServer, serve_files


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setattr(download, "PAUSE", 0.0)
    monkeypatch.delenv("MMERC_CORPORA", raising=False)
    with serve_files(FileServer()) as server:
        yield server


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty mirror."""
    monkeypatch.setenv("MMERC_CORPORA", str(tmp_path / "mirror"))
    (tmp_path / "mirror").mkdir()
    return tmp_path / "mirror"


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """What is logged, also after another test has called `show_log`."""
    monkeypatch.setattr(logging.getLogger("mmerc"), "propagate", True)
    return caplog
