"""The wheel and the source archive: what is in them, and that mmerc works from the wheel, outside of the checkout."""

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
VERSION = CONFIGURATION["project"]["version"]
# Not Python, and needed when mmerc runs.
DATA = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*") if path.is_file()}
DATA = {name for name in DATA if Path(name).suffix not in {".py", ".pyc"}}
HEAVY = ("torch", "transformers", "lightning", "matplotlib", "sklearn")
LOOK = f"""
import json, sys
import mmerc
heavy = [name for name in {HEAVY} if name in sys.modules]
print(json.dumps(dict(file=mmerc.__file__, version=mmerc.__version__, heavy=heavy, names=dir(mmerc), all=mmerc.__all__)))
"""


def execute(*command: object, cwd: Path, python_path: Path | None = None) -> str:
    """The command's output. `python_path`: a folder of modules that comes before the installed ones.

    Raises AssertionError: the command fails.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH" or python_path is None}
    if python_path is not None:
        environment["PYTHONPATH"] = str(python_path)
    result = subprocess.run(
        [sys.executable, *map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source archive, and the wheel that is built from it."""
    out = tmp_path_factory.mktemp("dist")
    execute("-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    return next(out.glob("*.tar.gz")), next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(archives: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with mmerc alone, installed from the wheel."""
    folder = tmp_path_factory.mktemp("installed")
    execute("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", folder, archives[1], cwd=folder)
    return folder


def test_metadata_is_valid(archives: tuple[Path, Path]) -> None:
    printed = execute("-m", "twine", "check", "--strict", *archives, cwd=archives[0].parent)
    assert printed.count("PASSED") == 2, printed


def test_the_description_has_no_relative_links(archives: tuple[Path, Path]) -> None:
    """PyPI shows README, and has none of the other files."""
    with ZipFile(archives[1]) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        description = wheel.read(name).decode().partition("\n\n")[2]
    targets = re.findall(r"\]\(([^)]+)\)", description)
    assert targets
    assert [target for target in targets if not target.startswith(("https://", "http://", "#"))] == []


def test_every_file_that_is_not_python_is_in_the_wheel(archives: tuple[Path, Path]) -> None:
    assert {"mmerc/py.typed", "mmerc/config/presets/compact.yaml", "mmerc/evaluation/report.html"} <= DATA
    assert {"mmerc/inference/export/page/page.html", "mmerc/serving/static/index.html"} <= DATA
    with ZipFile(archives[1]) as wheel:
        names = set(wheel.namelist())
    assert sorted(DATA - names) == []
    assert [name for name in names if not name.startswith(("mmerc/", "mmerc-"))] == []


def test_the_source_archive_has_no_stray_folder(archives: tuple[Path, Path]) -> None:
    with tarfile.open(archives[0]) as archive:
        names = {Path(name).parts[1] for name in archive.getnames()}
    assert {"src", "tests", "docs", "LICENSE", "README.md", "pyproject.toml"} <= names
    chosen = CONFIGURATION["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    assert names == {*chosen, "LICENSE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"}


def test_importing_it_is_light_and_shows_its_names(installed: Path, tmp_path: Path) -> None:
    found = json.loads(execute("-c", LOOK, cwd=tmp_path, python_path=installed))
    assert Path(found["file"]).is_relative_to(installed)
    assert found["version"] == VERSION
    assert found["heavy"] == []
    public = {name for name in found["names"] if not name.startswith("_")}
    assert {"Predictor", "open_corpus", "train"} <= public
    assert public == {name for name in found["all"] if not name.startswith("_")}


def test_every_public_name_loads(installed: Path, tmp_path: Path) -> None:
    code = "import mmerc; print(*(getattr(mmerc, name).__name__ for name in mmerc.__all__ if name != '__version__'))"
    assert "Predictor" in execute("-c", code, cwd=tmp_path, python_path=installed).split()


def test_the_command_runs(installed: Path, tmp_path: Path) -> None:
    assert "predict" in execute("-m", "mmerc", "--help", cwd=tmp_path, python_path=installed)
    version = execute("-m", "mmerc", "--version", cwd=tmp_path, python_path=installed)
    assert VERSION in version.split()
