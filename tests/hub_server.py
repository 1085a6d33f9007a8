"""A Hugging Face hub on this machine: repositories in memory, with the routes that uploads and downloads of small files use."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class HubServer:
    """`repositories`: the files of each, by path. `token`: what an upload needs; empty for none."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    token: str = ""
    url: str = ""

    def name_commit(self, repository: str) -> str:
        """A hash that changes with the files."""
        digest = hashlib.sha1()
        for path, content in sorted(self.repositories[repository].items()):
            digest.update(path.encode() + content)
        return digest.hexdigest()


def list_tree(files: dict[str, bytes], folder: str, is_flat: bool) -> list[dict[str, Any]]:
    """The files below a folder; with `is_flat` only those directly in it, and its folders."""
    found: dict[str, dict[str, Any]] = {}
    for path, content in files.items():
        below = path.removeprefix(f"{folder}/" if folder else "")
        head, slash, _ = below.partition("/")
        if folder and below == path:
            continue
        name = path.removesuffix(below) + head if is_flat and slash else path
        is_file = name == path
        size = len(content) if is_file else 0
        found[name] = {"type": "file" if is_file else "directory", "path": name, "size": size, "oid": "0" * 40}
    return list(found.values())


@contextmanager
def serve_hub(server: HubServer) -> Iterator[HubServer]:
    """Serve the hub on a free port; `server.url` is then the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/[^/]+)?", self._path):
                files = server.repositories.get(found[1])
                if files is None:
                    self._answer({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
                    return
                siblings = [{"rfilename": path} for path in files]
                self._answer({"id": found[1], "sha": server.name_commit(found[1]), "siblings": siblings})
            elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/[^/]+(?:/(.*))?", self._path):
                self._answer(list_tree(server.repositories[found[1]], found[2] or "", "recursive=false" in self.path))
            elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", self._path):
                content = server.repositories[found[1]][found[2]]
                etag = hashlib.sha256(content).hexdigest()
                headers = {"ETag": f'"{etag}"', "X-Repo-Commit": server.name_commit(found[1])}
                if wanted := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")):
                    content = content[int(wanted[1]) : int(wanted[2]) + 1]
                self._send(content, 206 if wanted else 200, headers)
            else:
                self._answer({"error": self._path}, 404)

        do_HEAD = do_GET

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if server.token and self.headers.get("Authorization") != f"Bearer {server.token}":
                self._answer({"error": "Invalid username or password."}, 401)
            elif self._path == "/api/repos/create":
                asked = json.loads(body)
                name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
                server.repositories.setdefault(name, {})
                self._answer({"url": f"{server.url}/{name}", "id": name, "name": name})
            elif self._path == "/api/validate-yaml":
                self._answer({"errors": [], "warnings": []})
            elif self._path.endswith("/preupload/main"):
                paths = [each["path"] for each in json.loads(body)["files"]]
                self._answer({"files": [{"path": p, "uploadMode": "regular", "shouldIgnore": False} for p in paths]})
            elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", self._path):
                files = server.repositories[found[1]]
                for line in body.splitlines():
                    change = json.loads(line)
                    if change["key"] == "file":
                        files[change["value"]["path"]] = base64.b64decode(change["value"]["content"])
                    elif change["key"] == "deletedFile":
                        files.pop(change["value"]["path"])
                commit = server.name_commit(found[1])
                address = f"{server.url}/{found[1]}/commit/{commit}"
                self._answer({"commitUrl": address, "commitOid": commit, "success": True})
            else:
                self._answer({"error": self._path}, 404)

        @property
        def _path(self) -> str:
            return self.path.partition("?")[0].replace("%2F", "/")

        def _answer(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
            self._send(json.dumps(value).encode(), status, {"Content-Type": "application/json", **(headers or {})})

        def _send(self, content: bytes, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
