"""`tools/audit.py`: what it says of the reports of pip-audit, and of an index that cannot be asked."""

import json
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.file_server import FileServer, serve_files

AUDIT = runpy.run_path(str(Path(__file__).parent.parent / "tools" / "audit.py"))


def make_report(*dependencies: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(dependencies), "fixes": []}


def test_vulnerabilities_are_named_and_libraries_that_were_not_found_are_counted() -> None:
    safe = {"name": "numpy", "version": "2.0.0", "vulns": []}
    unsafe = {
        "name": "jinja2",
        "version": "3.1.2",
        "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.3"]}, {"id": "GHSA-2", "fix_versions": []}],
    }
    unknown = {"name": "mmerc", "skip_reason": "not on PyPI"}
    assert AUDIT["summarise"](make_report(safe)) == ("pip-audit: 0 known vulnerabilities in 1 libraries", False)
    assert AUDIT["summarise"](make_report(safe, unsafe, unknown)) == (
        "jinja2 3.1.2: PYSEC-1, fixed in 3.1.3\njinja2 3.1.2: GHSA-2, fixed in no version yet\n"
        "pip-audit: 2 known vulnerabilities in 2 libraries; 1 are not in the index",
        True,
    )


def test_an_index_without_advisories_is_an_obstacle() -> None:
    files = {
        "/good.json": json.dumps({"vulnerabilities": [{"id": "PYSEC-1"}]}).encode(),
        "/empty.json": json.dumps({"vulnerabilities": []}).encode(),
        "/page": b"<html>",
    }
    with serve_files(FileServer(files)) as server:
        found = {name: AUDIT["find_obstacle"](f"{server.url}{name}") for name in [*files, "/none"]}
        url = server.url
    assert found == {
        "/good.json": "",
        "/empty.json": "it has no advisories",
        "/page": "JSONDecodeError",
        "/none": "status 404",
    }
    assert AUDIT["find_obstacle"](f"{url}/good.json") == "ConnectionError"


def test_without_a_network_it_says_so_in_one_line_and_does_not_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise requests.ConnectTimeout

    monkeypatch.setattr(requests, "get", refuse)
    assert AUDIT["main"]() == 0
    assert capsys.readouterr().out == (
        "pip-audit: https://pypi.org/pypi cannot be asked (ConnectTimeout), so the libraries are not audited.\n"
    )


@pytest.mark.parametrize(
    ("stdout", "status", "line"),
    [
        (json.dumps(make_report({"name": "a", "version": "1", "vulns": [{"id": "X", "fix_versions": []}]})), 1, "a 1: X, fixed in no version yet"),
        (json.dumps(make_report()), 0, "pip-audit: 0 known vulnerabilities in 0 libraries"),
        ("", 0, "pip-audit: the libraries are not audited (the network is down)."),
    ],
)  # fmt: skip
def test_the_exit_status(
    stdout: str, status: int, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = subprocess.CompletedProcess([], 1, stdout, "Traceback\nthe network is down\n")
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **options: result)
    monkeypatch.setitem(AUDIT["main"].__globals__, "find_obstacle", lambda: "")
    assert AUDIT["main"]() == status
    assert capsys.readouterr().out.startswith(line)
