"""The files of a public project agree with each other, and can be read."""

import re
import tomllib
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
