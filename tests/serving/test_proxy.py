"""The service behind nginx: a host name of its own, and a prefix. Skipped where nginx is not installed."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from mmerc.serving import create_app
from mmerc.serving.server import list_allowed_hosts, listen
from tests.serving.browser import open_page
from tests.serving.service import serve_in_thread
from tests.serving.stub import StubPredictor

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
NAME = "emo.example.org"
MANUAL = Path(__file__).parent.parent.parent / "docs" / "serving.md"
CONFIG = """
daemon off; pid FOLDER/nginx.pid; error_log FOLDER/error.log;
events {}
http {
  access_log off;
  client_body_buffer_size 1m;  # the worker is another user, who cannot write into the folder
  client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi; scgi_temp_path FOLDER/scgi;
  server {
    listen 127.0.0.1:PORT;
    LOCATION
  }
}
"""


def read_location(address: str) -> str:
    """The section for nginx in the manual, for a service at `address`."""
    (section,) = re.findall(
        r"^    location /emotions/ \{\n.*?^    \}\n", MANUAL.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert "127.0.0.1:8000" in section
    return str(section).replace("127.0.0.1:8000", address)


@contextmanager
def run_nginx(folder: Path, port: int, address: str) -> Iterator[None]:
    """A proxy at `port` for the service at `address`."""
    assert NGINX is not None
    config = (
        CONFIG.replace("FOLDER", str(folder)).replace("PORT", str(port)).replace("LOCATION", read_location(address))
    )
    (folder / "nginx.conf").write_text(config)
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < deadline and process.poll() is None, "nginx did not start"
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a proxy with a service behind it."""
    if NGINX is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    app = create_app(
        StubPredictor(),
        allowed_hosts=list_allowed_hosts("127.0.0.1", [NAME]),
        allowed_origins=[
            f"http://{NAME}:{port}"
        ],  # nginx's $host has no port, so that the page's origin is another one
    )
    folder = tmp_path_factory.mktemp("nginx")
    with serve_in_thread(app, root_path="/emotions") as address, run_nginx(folder, port, address):
        yield port


def test_hosts_and_origins(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/emotions", headers={"Host": NAME}) as client:
        assert client.get("/").status_code == 200 == client.get("/static/page.js").status_code
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 400

        def post(origin: str) -> int:
            return client.post("/v1/utterances", data={"text": "Hello."}, headers={"Origin": origin}).status_code

        assert post(f"https://{NAME}") == 200 == post(f"http://{NAME}:{port}")
        assert post("https://evil.example") == 403 == post(f"http://{NAME}:1")
        assert client.get("/openapi.json").json()["servers"] == [{"url": "/emotions"}]


def test_the_page_works_below_the_prefix(port: int, clip: Path) -> None:
    arguments = (f"--host-resolver-rules=MAP {NAME} 127.0.0.1",)
    with open_page(f"http://{NAME}:{port}/emotions/", arguments=arguments) as page:
        page.set_input_files("#file", clip)
        page.click("#send")
        page.wait_for_selector("#timeline .track button", timeout=60_000)
        page.click("#tab-live")
        page.click("#start")
        page.wait_for_selector("#text:enabled", timeout=30_000)
        assert "only to https pages and to localhost" in page.inner_text("#live-status")
        page.fill("#text", "You came back!")
        page.keyboard.press("Enter")
        page.locator("#predictions li", has_text="You came back!").wait_for(timeout=30_000)
        assert page.locator("#predictions li").count() == 1
