"""The manual as a site: it builds without a broken link or reference, and loads nothing from other servers."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mmerc

ROOT = Path(__file__).parent.parent
pytest.importorskip("mkdocs", reason="needs the extra docs: make test installs it")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def test_every_page_of_the_manual_is_built(site: Path) -> None:
    pages = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    assert len(pages) > 15
    for page in pages:
        built = site / page if page.name == "index.md" else site / page.with_suffix("") / "index.html"
        assert built.with_suffix(".html").is_file(), page


def test_the_reference_has_every_public_name(site: Path) -> None:
    page = (site / "reference" / "mmerc" / "index.html").read_text(encoding="utf-8")
    names = [name for name in mmerc.__all__ if not name.startswith("_")]
    assert [name for name in names if not re.search(rf'<h\d id="mmerc\.{name}"', page)] == []


def test_examples_in_docstrings_are_code(site: Path) -> None:
    page = (site / "reference" / "corpora" / "index.html").read_text(encoding="utf-8")
    assert '<span class="gp">&gt;&gt;&gt; </span>' in page


def test_nothing_is_loaded_from_other_servers(site: Path) -> None:
    loaded = []
    for page in site.rglob("*.html"):
        tags = re.findall(r"<(?:script|img|iframe|link)\b[^>]*>", page.read_text(encoding="utf-8"))
        # The address of the page itself is text for search engines. The browser loads nothing from it.
        tags = [
            tag for tag in tags if 'rel="canonical"' not in tag and 'rel="prev"' not in tag and 'rel="next"' not in tag
        ]
        loaded += [tag for tag in tags if re.search(r"""(?:src|href)=["']?(?:https?:)?//""", tag)]
    assert loaded == []
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//", style.read_text(encoding="utf-8")), style
