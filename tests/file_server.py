"""A server of files on this machine, with byte ranges, which breaks connections and gives errors on demand."""

import re
import threading
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
        has_ranges: whether it can continue a file.
        etag: its name for the version of all files.
        declares_size: whether answers have a Content-Length.
        requests: the path and the range of each request.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    has_ranges: bool = True
    etag: str = '"1"'
    declares_size: bool = True
    requests: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""


@contextmanager
def serve_files(server: FileServer) -> Iterator[FileServer]:
    """Serve the files on a free port; `server.url` is then the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests.append((self.path, self.headers.get("Range", "")))
            content = server.files.get(self.path.partition("?")[0])
            if server.statuses:
                self.send_error(server.statuses.pop(0))
            elif content is None:
                self.send_error(404)
            else:
                self.send_file(content)

        def send_file(self, content: bytes) -> None:
            wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            is_same = self.headers.get("If-Range", server.etag) == server.etag
            start = int(wanted[1]) if wanted and server.has_ranges and is_same else 0
            if start and start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            if server.etag:
                self.send_header("ETag", server.etag)
            if server.declares_size:
                self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            rest = content[start:]
            self.wfile.write(rest[: server.breaks.pop(0)] if server.breaks else rest)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
