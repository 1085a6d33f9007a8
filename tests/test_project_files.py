"""The files of a public project agree with each other, and can be read."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PUBLIC = ("CONTRIBUTING.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "SECURITY.md")
YAML_FILES = [".pre-commit-config.yaml", "mkdocs.yml", *sorted(map(str, (ROOT / ".github").rglob("*.yml")))]


def test_the_citation_names_mmerc_and_the_paper() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    (paper,) = citation["references"]
    assert paper["doi"] == "10.3390/s21144913"
    assert [author["family-names"] for author in paper["authors"]] == ["Xie", "Sidulova", "Park"]


def test_the_changelog_has_the_version_and_a_link_for_each() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[([^\]]+)\]", text, re.MULTILINE)
    assert versions[:2] == ["Unreleased", PROJECT["version"]]
    assert re.findall(r"^\[([^\]]+)\]: https://", text, re.MULTILINE) == versions


@pytest.mark.parametrize("name", YAML_FILES, ids=lambda name: Path(name).name)
def test_yaml_can_be_read(name: str) -> None:
    assert isinstance(yaml.safe_load((ROOT / name).read_text(encoding="utf-8")), dict)


def test_the_workflow_tests_every_python_that_is_promised() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    promised = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"


@pytest.mark.parametrize("name", PUBLIC)
def test_links_between_them_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?:https://github\.com/mmerc/mmerc/blob/main/)?([^):#]+)\)", text)
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_files_that_the_contribution_guide_names_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:src|tests|docs|examples|benchmarks)/[\w./-]*)`", text)
    fixed = [name for name in named if not re.search(r"NAME|MODALITY|/a/", name)]
    assert len(fixed) >= 6
    assert [name for name in fixed if not (ROOT / name).exists()] == []


def test_the_bill_of_materials_names_what_an_environment_has(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=False)
    (folder,) = (tmp_path / "env").glob("lib/python*/site-packages")
    (folder / "tiny-1.0.dist-info").mkdir()
    (folder / "tiny-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: tiny\nVersion: 1.0\nLicense-Expression: MIT\n"
    )
    options = [f"BIN={Path(sys.executable).parent}", f"PYTHON_OF={tmp_path / 'env' / 'bin' / 'python'}"]
    steps = subprocess.run(
        ["make", "--dry-run", "sbom", *options], cwd=ROOT, capture_output=True, text=True, check=True
    )
    command = next(line for line in steps.stdout.splitlines() if "cyclonedx-py" in line)
    assert "--output-file dist/mmerc.cdx.json" in command
    file = tmp_path / "sbom.json"
    subprocess.run(shlex.split(command.replace("dist/mmerc.cdx.json", str(file))), cwd=ROOT, check=True)
    found = json.loads(file.read_text())
    assert found["bomFormat"] == "CycloneDX" and found["metadata"]["component"]["name"] == "mmerc"
    assert [(each["name"], each["version"]) for each in found["components"]] == [("tiny", "1.0")]
    assert found["components"][0]["licenses"][0]["license"]["id"] == "MIT"


def test_what_is_accepted_of_bandit_has_a_reason() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[tool.bandit]")[2].partition("\n]")[0]
    skips = [line for line in lines.splitlines() if '"B' in line]
    assert len(skips) == 8 and all(re.search(r'"B\d+",  # \w+ \w+', line) for line in skips)
    marked = [
        line
        for file in (ROOT / "src").rglob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if "nosec" in line
    ]
    assert len(marked) == 3 and all(re.search(r"# nosec B\d+: \w+ \w+", line) for line in marked)
