"""A server of files on this machine, with byte ranges, which is slow, breaks connections and gives errors on demand."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """The files by their paths, such as `/a.zip`, and what the server does with the next requests.

    Attributes:
        breaks: for each next answer, the number of bytes after which its connection breaks.
        statuses: for each next request, an HTTP status in place of an answer.
        has_ranges: whether it can send a part of a file.
        etag: its name for the version of all files.
        declares_size: whether answers have a Content-Length.
        forbidden: the paths that nobody may read.
        latency: seconds before each answer.
        requests: the path and the range of each request.
        sent: bytes of files, over all answers.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    has_ranges: bool = True
    etag: str = '"1"'
    declares_size: bool = True
    forbidden: set[str] = field(default_factory=set)
    latency: float = 0.0
    requests: list[tuple[str, str]] = field(default_factory=list)
    sent: int = 0
    url: str = ""


class _Http(ThreadingHTTPServer):
    state: FileServer


class FileHandler(BaseHTTPRequestHandler):
    """Answers requests for the files of `server`."""

    server: "_Http"
    protocol_version = "HTTP/1.1"

    @property
    def state(self) -> FileServer:
        return self.server.state

    def do_GET(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def answer(self) -> None:
        time.sleep(self.state.latency)
        path = self.path.partition("?")[0]
        if self.command == "GET":
            self.state.requests.append((self.path, self.headers.get("Range", "")))
        content = self.state.files.get(path)
        if self.state.statuses:
            self.send_status(self.state.statuses.pop(0))
        elif path in self.state.forbidden:
            self.send_status(403)
        elif content is None:
            self.send_status(404)
        else:
            self.send_file(content)

    def send_content(self, content: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def send_status(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_file(self, content: bytes) -> None:
        asked = self.headers.get("x-ms-range") or self.headers.get("Range", "")  # of Azure, and of everyone else
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", asked) if self.state.has_ranges else None
        if self.headers.get("If-Range", self.state.etag) != self.state.etag:
            wanted = None
        start, total = int(wanted[1]) if wanted else 0, len(content)
        if start and start >= total:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{total}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        part = content[start : int(wanted[2]) + 1 if wanted and wanted[2] else total]
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{start + len(part) - 1}/{total}")
        if self.state.has_ranges:
            self.send_header("Accept-Ranges", "bytes")
        if self.state.etag:
            self.send_header("ETag", self.state.etag)
        if self.state.declares_size:
            self.send_header("Content-Length", str(len(part)))
        else:
            self.close_connection = True
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.state.breaks:
            part, self.close_connection = part[: self.state.breaks.pop(0)], True
        self.state.sent += len(part)
        self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve_files(server: FileServer, handler: type[FileHandler] = FileHandler) -> Iterator[FileServer]:
    """Serve the files on a free port; `server.url` is then the address."""
    http = _Http(("127.0.0.1", 0), handler)
    http.state = server
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
