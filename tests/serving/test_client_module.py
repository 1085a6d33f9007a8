"""The JavaScript client, imported by a page of another origin: the example and a page without anything else."""

import functools
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mmerc.corpora.synthetic import write_clip
from mmerc.corpora.synthetic.script import write_script
from mmerc.serving import create_app
from mmerc.serving.protocol import TYPES
from mmerc.serving.routes.pages import read_static
from tests.serving.browser import find_violations, open_page, take_screenshots
from tests.serving.service import serve_in_thread
from tests.serving.stub import StubPredictor
from tests.serving.test_static import simulate_devices

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
ROOT = Path(__file__).parents[2]


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Nothing on stderr."""


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """Another site: the files of a folder at an origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def serve_for(origin: str, *, token: str | None = None) -> Iterator[str]:
    """A service that pages of an origin may use."""
    with serve_in_thread(create_app(StubPredictor(), token=token, allowed_origins=[origin])) as address:
        yield f"http://{address}/"


@pytest.fixture
def empty_site(tmp_path: Path) -> Iterator[str]:
    """A site with a page that has nothing."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<!doctype html><link rel=icon href=data:,>")
    with serve_folder(tmp_path / "site") as origin:
        yield origin


def run_module(page: Any, service: str, code: str) -> Any:
    """The result of code that uses `Client` and the other names of the module."""
    names = "Client, Capture, Stream, ServiceError, openDevices"
    start = f"async () => {{ const {{ {names} }} = await import({json.dumps(service)} + 'static/client.js');"
    return page.evaluate(f"{start} {code} }}")


def test_the_example_streams_and_uploads(clip: Path, tmp_path: Path) -> None:
    write_clip(tmp_path / "voice.mp4", next(write_script(1, 1, seed=0)))
    arguments = simulate_devices(tmp_path, clip, tmp_path / "voice.mp4")
    with (
        serve_folder(ROOT / "examples") as origin,
        serve_for(origin) as service,
        open_page(f"{origin}/live.html?service={service}", arguments=arguments) as page,
    ):
        playwright.expect(page.locator("#rows li")).to_have_count(0)
        page.click("#start")
        playwright.expect(page.locator("#status")).to_contain_text("Listening: Model stub", timeout=30_000)
        page.locator("#rows li", has_text="(audio, face)").first.wait_for(timeout=60_000)  # the voice has paused
        page.click("#stop")
        playwright.expect(page.locator("#start")).to_be_enabled()
        page.set_input_files("#file", clip)
        playwright.expect(page.locator("#status")).to_have_text("1 utterances", timeout=60_000)
        assert "(audio, face)" in page.locator("#rows li").last.inner_text()
        assert find_violations(page) == []
        take_screenshots(page, "example")


def test_utterances_jobs_and_refusals_from_another_origin(empty_site: str, clip: Path) -> None:
    with serve_for(empty_site, token="secret") as service, open_page(empty_site, errors=False) as page:
        refused = run_module(
            page, service, "return new Client().getModel().catch((e) => [e.name, e.status, e.message]);"
        )
        assert refused == ["ServiceError", 401, "the token is missing or wrong."]
        client = 'const client = new Client(undefined, { token: "secret" });'
        row = run_module(page, service, client + 'return client.predictUtterance({ text: "We won!", speaker: "Ann" });')
        assert (row["text"], row["speaker"], row["modalities"]) == ("We won!", "Ann", ["text"])
        page.evaluate(
            "content => { window.recording = new File([new Uint8Array(content)], 'talk.mp4'); }",
            list(clip.read_bytes()),
        )
        srt = json.dumps("1\n00:00:00,000 --> 00:00:01,000\nAnn: You came back!\n")
        rows = run_module(
            page,
            service,
            client + f"return client.predictRecording(recording, {{ transcript: new File([{srt}], 'talk.srt') }});",
        )
        assert [(row["dialogue"], row["text"]) for row in rows] == [("talk", "You came back!")]
        assert run_module(page, service, client + 'return client.erase("none").catch((e) => e.status);') == 404
        deleted = "return client.deleteJob(await client.startRecording(recording));"
        assert run_module(page, service, client + deleted)["state"] in ("cancelled", "done")
        aborted = "const signal = AbortSignal.abort(); return client.predictRecording(recording, { signal }).catch((e) => e.name);"
        assert run_module(page, service, client + aborted) == "AbortError"


def test_what_a_stream_sends_and_says(empty_site: str) -> None:
    code = """
        const stream = new Client().openStream({ speaker: "Ann", segmentation: "client", interim: false });
        const seen = [];
        const wait = (name) => new Promise((resolve) => stream.addEventListener(name, ({ detail }) => { seen.push(name); resolve(detail); }));
        stream.sendText("before it is open");
        await wait("ready");
        stream.sendSound(new Float32Array(8000).fill(2));
        stream.sendSound(new Int16Array(8000));
        const canvas = document.createElement("canvas");
        const image = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg"));
        stream.sendImage(await image.arrayBuffer());
        stream.sendText("We won!", { speaker: "Bo" });
        stream.endUtterance();
        const prediction = await wait("prediction");
        stream.enrol("Cy");
        const error = await wait("error");
        stream.endUtterance();
        await wait("nothing");
        stream.stop();
        const closed = await wait("close");
        return [seen, prediction, error.detail, closed.code];
    """
    with serve_for(empty_site) as service, open_page(empty_site) as page:
        seen, prediction, error, closed = run_module(page, service, code)
    assert seen == ["ready", "prediction", "error", "nothing", "close"] and closed == 1000
    assert (prediction["text"], prediction["speaker"], prediction["end"]) == ("We won!", "Bo", 1.0)
    assert prediction["modalities"] == ["text", "audio", "face"]
    assert error.startswith("the speakers of this stream are not told apart")


def test_a_page_of_an_origin_that_is_not_allowed(empty_site: str) -> None:
    with (
        serve_for("http://allowed.example.org") as service,
        open_page(empty_site, errors=False) as page,
        pytest.raises(playwright.Error, match="Failed to fetch"),
    ):
        run_module(page, service, "")


def test_cors_headers_are_for_allowed_origins_only() -> None:
    origin = "https://emo.example.org"
    with TestClient(create_app(StubPredictor(), token="secret", allowed_origins=[origin])) as client:
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "DELETE",
            "Access-Control-Request-Headers": "authorization",
        }
        allowed = client.options("/v1/jobs/a", headers=asked)
        assert allowed.status_code == 200 and allowed.headers["access-control-allow-origin"] == origin
        assert client.options("/v1/jobs/a", headers=asked | {"Origin": "https://evil.example.org"}).status_code == 400
        assert (
            client.get("/v1/model", headers={"Origin": origin}).headers["access-control-allow-origin"] == origin
        )  # a refusal
        assert (
            "access-control-allow-origin"
            not in client.get("/healthz", headers={"Origin": "https://evil.example.org"}).headers
        )
    with TestClient(create_app(StubPredictor())) as client:
        assert "access-control-allow-origin" not in client.get("/healthz", headers={"Origin": origin}).headers


def test_it_sends_every_message_of_the_protocol() -> None:
    assert set(re.findall(r'type: "(\w+)"', read_static("client.js"))) == set(TYPES)
