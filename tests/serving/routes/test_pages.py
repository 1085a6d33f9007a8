"""The page and its files."""

import json
import re

import pytest
from fastapi.testclient import TestClient

from mmerc.model.prediction import FORMULA
from mmerc.serving.routes.pages import STATIC_FILES, read_static

OWN_FILES = ("index.html", *STATIC_FILES)


def test_the_page_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"] and "http" not in page.text
    assert client.get("/static/..%2f..%2fapp.py").status_code == 404 == client.get("/static/app.py").status_code


@pytest.mark.parametrize(
    "name", (*STATIC_FILES, "timeline.js", "timeline.css", "swagger-ui-bundle.js", "swagger-ui.css")
)
def test_its_files_have_their_media_types(client: TestClient, name: str) -> None:
    kind = "text/javascript" if name.endswith(".js") else "text/css"
    assert client.get(f"/static/{name}").headers["content-type"].startswith(kind)


@pytest.mark.parametrize("name", OWN_FILES)
def test_all_addresses_are_relative(name: str) -> None:
    text = read_static(name)
    assert re.findall(r"""(?:src|href|action)=["'](?:/|https?:)""", text) == []
    assert re.findall(r"""["'`]/(?:v1|static)""", text) == []


def test_the_page_has_the_formula_pattern_of_python(client: TestClient) -> None:
    (settings,) = re.findall(r'<script id="settings" type="application/json">(.*?)</script>', client.get("/").text)
    assert json.loads(settings) == {"formula": FORMULA.pattern} and FORMULA.pattern == r"^'*[-=+@\t\r]"


@pytest.mark.parametrize("name", OWN_FILES)
def test_the_page_does_not_claim_to_know_feelings(name: str) -> None:
    assert re.findall(r"\b(felt|feelings?|nobody|somebody)\b", read_static(name)) == []
