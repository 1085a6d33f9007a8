import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmerc.threads import avoid_spinning, get_num_threads, read_cpu_quota, set_num_threads

WAIT_VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    """A control group `jobs/mine` with a quota of 1.5 CPUs below one with 4."""
    (tmp_path / "jobs" / "mine").mkdir(parents=True)
    (tmp_path / "jobs" / "mine" / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "jobs" / "cpu.max").write_text("400000 100000\n")
    (tmp_path / "self").write_text("1:cpu:/\n0::/jobs/mine\n")
    return tmp_path


def test_the_smallest_quota_counts(groups: Path) -> None:
    assert read_cpu_quota(groups, groups / "self") == 1.5
    (groups / "jobs" / "mine" / "cpu.max").write_text("max 100000\n")
    assert read_cpu_quota(groups, groups / "self") == 4
    (groups / "jobs" / "cpu.max").write_text("nonsense\n")
    assert read_cpu_quota(groups, groups / "self") is None


def test_a_container_sees_its_own_group_as_the_root(groups: Path) -> None:
    (groups / "self").write_text("0::/\n")
    assert read_cpu_quota(groups / "jobs" / "mine", groups / "self") == 1.5


def test_without_cgroup_v2_there_is_no_quota(tmp_path: Path) -> None:
    (tmp_path / "self").write_text("1:cpu:/jobs\n")
    assert read_cpu_quota(tmp_path, tmp_path / "self") is None
    assert read_cpu_quota(tmp_path, tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("count", "variable", "quota", "expected"),
    [
        (3, "", 1.0, 3),
        (None, "", 1.5, 2),
        (None, "", 0.5, 1),
        (None, "", 64.0, 4),
        (None, "", None, 4),
        (None, "4", 1.0, 4),
    ],
)
def test_the_number_of_threads(
    count: int | None, variable: str, quota: float | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr("mmerc.threads._chosen", None)
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    monkeypatch.setattr("mmerc.threads.read_cpu_quota", lambda: quota)
    torch.set_num_threads(4)
    try:
        set_num_threads(count)
        assert torch.get_num_threads() == expected
        assert get_num_threads() == (None if count is quota is None and not variable else expected)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("name", "value"), [("OMP_WAIT_POLICY", "ACTIVE"), ("GOMP_SPINCOUNT", "7")])
def test_what_the_user_says_about_waiting_is_kept(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in WAIT_VARIABLES:
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, value)
    avoid_spinning()
    assert {each: os.environ[each] for each in WAIT_VARIABLES if each in os.environ} == {name: value}


def test_waiting_is_set_before_torch_is_loaded() -> None:
    code = "import mmerc, os, sys; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    environment = {name: value for name, value in os.environ.items() if name not in WAIT_VARIABLES}
    shown = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["PASSIVE", "False"]
