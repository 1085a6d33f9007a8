"""Object stores on this machine: moto's S3, and the requests of Google Cloud Storage and Azure that reading needs."""

import base64
import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import requests

from tests.file_server import FileHandler

DATE = "Thu, 01 Jan 2026 00:00:00 GMT"


@dataclass
class ObjectStore:
    """`sent`: bytes of all answers to requests for objects."""

    url: str = ""
    sent: int = 0

    def variables(self) -> dict[str, str]:
        """The environment of a program that uses the store."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "someone",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@contextmanager
def serve_s3() -> Iterator[ObjectStore]:
    """Serve an empty store that does not ask for rights; `store.url` is then its endpoint."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    store, application = ObjectStore(), DomainDispatcherApplication(create_backend_app)

    def count(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        for part in application(environ, start):
            store.sent += len(part) if environ["REQUEST_METHOD"] == "GET" and not environ["QUERY_STRING"] else 0
            yield part

    class Quiet(WSGIRequestHandler):
        def log(self, *_: object) -> None:
            pass

    server = make_server("127.0.0.1", 0, count, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    store.url = f"http://127.0.0.1:{server.port}"
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def ask_for_rights(store: ObjectStore) -> Iterator[None]:
    """Let moto answer only to users that it knows; it knows none."""

    def set_count(count: str) -> str:  # of answers without a question
        answer = requests.post(f"{store.url}/moto-api/reset-auth", data=count.encode(), timeout=10).json()
        return str(answer["PREVIOUS_INITIAL_NO_AUTH_ACTION_COUNT"])

    before = set_count("0")
    try:
        yield
    finally:
        set_count(before)


class GoogleHandler(FileHandler):
    """The files of `server` as objects of Google Cloud Storage: `/bucket/name`."""

    def answer(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        bucket, _, name = unquote(parts.path).partition("/b/")[2].partition("/o")
        if not name:
            prefix = query.get("prefix", [""])[0]
            names = [file.removeprefix(f"/{bucket}/") for file in self.state.files if file.startswith(f"/{bucket}/")]
            self.send_json({"items": [self.describe(bucket, each) for each in names if each.startswith(prefix)]})
        elif f"/{bucket}{name}" not in self.state.files:
            self.send_json({"error": {"code": 404, "message": "Not Found"}}, 404)
        elif query.get("alt") == ["media"]:
            self.path = f"/{bucket}{name}"
            super().answer()
        else:
            self.send_json(self.describe(bucket, name.removeprefix("/")))

    def describe(self, bucket: str, name: str) -> dict[str, object]:
        size = str(len(self.state.files[f"/{bucket}/{name}"]))
        return {"kind": "storage#object", "bucket": bucket, "name": name, "size": size, "etag": self.state.etag}

    def send_json(self, value: object, status: int = 200) -> None:
        self.send_content(json.dumps(value).encode(), "application/json", status)


class AzureHandler(FileHandler):
    """The files of `server` as blobs of the account `someone`: `/container/name`."""

    def answer(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        self.path = unquote(parts.path).removeprefix("/someone")
        if query.get("comp") == ["list"]:
            listed = self.list_blobs(query.get("prefix", [""])[0], query.get("delimiter") == ["/"])
            self.send_content(listed.encode(), "application/xml")
        else:
            super().answer()

    def end_headers(self) -> None:
        self.send_header("Last-Modified", DATE)
        self.send_header("x-ms-creation-time", DATE)
        self.send_header("x-ms-blob-type", "BlockBlob")
        super().end_headers()

    def list_blobs(self, prefix: str, by_folder: bool) -> str:
        """The folders and files directly below the prefix, or all files below it."""
        found = {}
        for file, content in self.state.files.items():
            name = file.removeprefix(f"{self.path}/")
            head, slash, _ = name.removeprefix(prefix).partition("/")
            if name != file and name.startswith(prefix) and slash and by_folder:
                found[f"{prefix}{head}/"] = f"<BlobPrefix><Name>{escape(prefix + head)}/</Name></BlobPrefix>"
            elif name != file and name.startswith(prefix):
                size = f"<Content-Length>{len(content)}</Content-Length><Last-Modified>{DATE}</Last-Modified><BlobType>BlockBlob</BlobType>"
                found[name] = f"<Blob><Name>{escape(name)}</Name><Properties>{size}</Properties></Blob>"
        listed = "".join(found.values())
        container = escape(self.path.strip("/"))
        return f"<EnumerationResults ContainerName='{container}'><Blobs>{listed}</Blobs><NextMarker /></EnumerationResults>"


def name_azure(url: str) -> str:
    """The connection string of the account `someone`."""
    key = base64.b64encode(b"secret").decode()
    return f"DefaultEndpointsProtocol=http;AccountName=someone;AccountKey={key};BlobEndpoint={url}/someone"
