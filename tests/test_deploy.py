"""The files for operators. `tools/build_root.py` carries the Dockerfile out; here are the checks that take no minutes."""

import importlib.util
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from typer.main import get_command

from mmerc.cli import app

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "examples" / "deploy"
OPTIONS = {option for parameter in get_command(app).commands["serve"].params for option in parameter.opts}  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def build_root() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_root", ROOT / "tools" / "build_root.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def find_options(command: list[str]) -> set[str]:
    return {word for word in command if word.startswith("--")}


def test_each_step_of_the_dockerfile_can_be_carried_out(build_root: ModuleType) -> None:
    steps = build_root.parse_dockerfile((DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    assert steps[0][0] == "FROM" and build_root.FROM.fullmatch(steps[0][1])
    assert {name for name, _ in steps} <= {"FROM", "ARG", "ENV", "COPY", "RUN"} | build_root.NO_STEPS
    sources = [source for name, value in steps if name == "COPY" for source in value.split()[:-1]]
    assert sources and all((ROOT / source).exists() for source in sources)
    runs = " ".join(value for name, value in steps if name == "RUN")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {extra for found in re.findall(r"/source\[([\w,]+)\]", runs) for extra in found.split(",")}
    assert named and named <= set(project["optional-dependencies"])
    (torch,) = [line for line in project["dependencies"] if line.startswith("torch")]
    assert torch in runs
    assert next(index for index, step in enumerate(steps) if step[0] == "USER") > max(
        index for index, step in enumerate(steps) if step[0] == "RUN"
    )


def test_commands_have_options_that_exist(build_root: ModuleType) -> None:
    steps = dict(build_root.parse_dockerfile((DEPLOY / "Dockerfile").read_text(encoding="utf-8")))
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    unit = (DEPLOY / "mmerc.service").read_text(encoding="utf-8")
    commands = [yaml.safe_load(steps["CMD"]), compose["services"]["mmerc"]["command"]]
    commands.append(re.findall(r"^ExecStart=(.*)", unit, re.MULTILINE)[0].split())
    for command in commands:
        assert Path(command[0]).name == "mmerc" and command[1] == "serve"
        assert find_options(command) <= OPTIONS
    assert (DEPLOY / compose["services"]["mmerc"]["build"]["context"]).resolve() == ROOT
    assert "/healthz" in steps["HEALTHCHECK"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "mmerc.service"
    text = (DEPLOY / "mmerc.service").read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/mmerc/bin/mmerc", "/bin/true"))  # it looks for the program
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert done.returncode == 0 and "mmerc.service" not in done.stderr, done.stderr
