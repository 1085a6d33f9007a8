"""The service behind nginx: a host name of its own, and a prefix. Skipped where nginx is not installed."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from mmerc.errors import ConfigError
from mmerc.serving import create_app
from mmerc.serving.server import list_allowed_hosts, listen
from tests.serving.browser import open_page
from tests.serving.service import serve_in_thread
from tests.serving.stub import StubPredictor

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
NAME = "emo.example.org"
CONFIG = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location /emotions/ {{
      proxy_pass http://{address}/;
      proxy_set_header Host $host;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }}
  }}
}}
"""


@contextmanager
def run_nginx(folder: Path, address: str) -> Iterator[int]:
    """A proxy for the service at `address`. Gives its port."""
    if NGINX is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, port=port, address=address))
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
        yield port
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[int]:
    app = create_app(
        StubPredictor(),
        allowed_hosts=list_allowed_hosts("127.0.0.1", [NAME]),
        allowed_origins=["https://app.example.org"],
    )
    with serve_in_thread(app, root_path="/emotions") as address, run_nginx(tmp_path, address) as port:
        yield port


def test_hosts_origins_and_addresses(proxy: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{proxy}/emotions", headers={"Host": NAME}) as client:
        assert client.get("/").status_code == 200 == client.get("/static/page.js").status_code
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 400

        def post(origin: str) -> int:
            return client.post("/v1/utterances", data={"text": "Hello."}, headers={"Origin": origin}).status_code

        assert [post(f"https://{NAME}"), post("https://app.example.org"), post("https://evil.example")] == [200, 200, 403]
        assert client.get("/openapi.json").json()["servers"] == [{"url": "/emotions"}]


def test_the_page_below_a_prefix(proxy: int, clip: Path) -> None:
    arguments = (f"--host-resolver-rules=MAP {NAME} 127.0.0.1",)
    # nginx sends the host without the port, so that the page's origin must be allowed by its own name.
    with open_page(f"http://localhost:{proxy}/emotions/", arguments=arguments, errors=False) as page:
        page.wait_for_function("document.getElementById('status').textContent.startsWith('The model reads')")
        page.set_input_files("#file", clip)
        page.click("#send")
        page.wait_for_function("document.getElementById('status').textContent.includes('page of another site')")


def test_a_wrong_prefix_is_refused() -> None:
    with pytest.raises(ConfigError):
        list_allowed_hosts("127.0.0.1", ["emo.example.org/emotions"])
