"""The service behind nginx and Caddy as the manual configures them: a name, a prefix, and TLS."""

import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from websockets.sync.client import connect

from mmerc.serving import create_app
from mmerc.serving.server import list_allowed_hosts, listen
from tests.serving.browser import open_page
from tests.serving.proxies import CONFIGURE, NAME, make_certificate, read_snippet, run_proxy
from tests.serving.service import serve_in_thread
from tests.serving.stub import StubPredictor


@dataclass(frozen=True)
class Proxy:
    """A running proxy with a service behind it."""

    port: int
    context: ssl.SSLContext

    @property
    def host(self) -> str:
        return f"{NAME}:{self.port}"

    def open_client(self) -> httpx.Client:
        """A client that finds the proxy at its name, as a browser with the right DNS would."""
        extensions = {"sni_hostname": NAME}
        client = httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}", headers={"Host": self.host}, verify=self.context, timeout=30
        )
        client.event_hooks["request"].append(lambda request: request.extensions.update(extensions))
        return client


@pytest.fixture(scope="module", params=list(CONFIGURE))
def proxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp(request.param)
    folder.chmod(0o755)
    context = make_certificate(folder)
    app = create_app(StubPredictor(), allowed_hosts=list_allowed_hosts("127.0.0.1", [NAME]))
    with (
        serve_in_thread(app, root_path="/emotions", proxy_addresses="127.0.0.1") as address,
        run_proxy(request.param, folder, port, address),
    ):
        yield Proxy(port, context)


def test_hosts_and_origins(proxy: Proxy) -> None:
    with proxy.open_client() as client:
        assert client.get("/emotions/").status_code == 200 == client.get("/emotions/static/page.js").status_code
        assert client.get("/emotions").headers["location"].endswith("/emotions/")
        assert client.get("/emotions/", headers={"Host": "evil.example"}).text != client.get("/emotions/").text
        assert client.get("/emotions/openapi.json").json()["servers"] == [{"url": "/emotions"}]
        for origin, status in ((f"https://{proxy.host}", 200), ("https://evil.example", 403)):
            response = client.post("/emotions/v1/utterances", data={"text": "Hello."}, headers={"Origin": origin})
            assert response.status_code == status, response.text


def test_an_upload_that_is_larger_than_the_default_of_nginx(proxy: Proxy) -> None:
    with proxy.open_client() as client:
        response = client.post("/emotions/v1/utterances", files={"clip": bytes(3_000_000)})
    assert response.status_code == 415 and "cannot be read as audio or video" in response.text


def test_a_live_stream(proxy: Proxy) -> None:
    with connect(
        f"wss://{proxy.host}/emotions/v1/stream",
        sock=socket.create_connection(("127.0.0.1", proxy.port)),
        ssl=proxy.context,
        origin=f"https://{proxy.host}",  # type: ignore[arg-type]
    ) as stream:
        stream.send(json.dumps({"type": "start"}))
        assert json.loads(stream.recv())["type"] == "ready"
        stream.send(json.dumps({"type": "text", "text": "You came back!"}))
        stream.send(json.dumps({"type": "end"}))
        assert json.loads(stream.recv())["text"] == "You came back!"


def test_the_page_works_below_the_prefix(proxy: Proxy, clip: Path) -> None:
    arguments = (f"--host-resolver-rules=MAP {NAME} 127.0.0.1", "--ignore-certificate-errors")
    with open_page(f"https://{proxy.host}/emotions/", arguments=arguments) as page:
        page.set_input_files("#file", clip)
        page.click("#send")
        page.wait_for_selector("#timeline .track button", timeout=60_000)
        page.click("#tab-live")
        page.uncheck("#use-camera")
        page.uncheck("#use-microphone")
        page.click("#start")
        page.wait_for_selector("#text:enabled", timeout=30_000)
        page.fill("#text", "You came back!")
        page.keyboard.press("Enter")
        page.locator("#predictions li", has_text="You came back!").wait_for(timeout=30_000)
        assert page.locator("#predictions li").count() == 1


def test_the_parts_of_traefiks_file_fit_together() -> None:
    http = yaml.safe_load(read_snippet("http:"))["http"]
    router = http["routers"]["emotions"]
    assert NAME in router["rule"] and router["service"] in http["services"]
    assert all(name in http["middlewares"] for name in router["middlewares"])
