"""Headless Chromium for the tests of the pages."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

SCREENSHOTS = os.environ.get("MMERC_SCREENSHOTS", "")  # a folder in which screenshots are kept to be looked at


@lru_cache
def find_chromium() -> str | None:
    """The path of Chromium; `apt-get install chromium` is tried once if it is not installed."""
    found = shutil.which("chromium")
    if found is None and os.geteuid() == 0:
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], capture_output=True, check=False)
        found = shutil.which("chromium")
    return found


@contextmanager
def open_page(url: str, *, arguments: tuple[str, ...] = (), errors: bool = True) -> Iterator[Any]:
    """The page at `url` in a new browser. With `errors`, an error message in the console fails the test.

    The test is skipped where playwright or Chromium is not installed.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=["--no-sandbox", *arguments])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        messages: list[str] = []
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("console", lambda message: messages.append(message.text) if message.type == "error" else None)
        page.goto(url)
        yield page
        browser.close()
    assert not errors or messages == []


def take_screenshots(page: Any, name: str) -> None:
    """The page wide, as on a phone, and dark, if a folder for screenshots is given."""
    if not SCREENSHOTS:
        return
    folder = Path(SCREENSHOTS)
    page.screenshot(path=str(folder / f"{name}.png"), full_page=True)
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=str(folder / f"{name}-dark.png"), full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 375, "height": 800})
    page.screenshot(path=str(folder / f"{name}-phone.png"), full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375, "the page is wider than a phone"
    page.set_viewport_size({"width": 1280, "height": 800})


def find_violations(page: Any) -> list[str]:
    """What axe-core finds wrong for people who use a keyboard or a screen reader; the test is skipped without it."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page).response["violations"]
    return [f"{each['id']} ({each['impact']}): {each['nodes'][0]['html'][:200]}" for each in found]
