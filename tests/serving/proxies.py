"""nginx and Caddy with the settings of the manual, with TLS by a made certificate. Tests skip where a program is missing."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NAME = "emo.example.org"
MANUAL = Path(__file__).parent.parent.parent / "docs" / "serving.md"
NGINX = """
daemon off; pid FOLDER/nginx.pid; error_log FOLDER/error.log;
events {}
http {
  access_log off;
  client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi; scgi_temp_path FOLDER/scgi;
"""


def read_snippet(first_line: str) -> str:
    """The block of the manual that begins with this line, without its indentation."""
    (block,) = re.findall(
        rf"^    {re.escape(first_line)}\n(?:(?:     .*)?\n)*(?:    \}}\n)?", MANUAL.read_text("utf-8"), re.MULTILINE
    )
    return re.sub(r"^ {4}", "", str(block), flags=re.MULTILINE)


def find_program(name: str) -> str:
    """The path of an installed program; the test is skipped if there is none."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install {name}")
    return found


def make_certificate(folder: Path) -> ssl.SSLContext:
    """Write `cert.pem` and `key.pem` for `NAME`. Gives a context for clients that trusts the certificate."""
    command = [
        find_program("openssl"),
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ]
    command += ["-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    return ssl.create_default_context(cafile=str(folder / "cert.pem"))


def configure_nginx(folder: Path, port: int, address: str) -> list[str]:
    """Write the configuration. Gives the command."""
    server = (
        read_snippet("server {").replace("127.0.0.1:8000", address).replace("listen 443", f"listen 127.0.0.1:{port}")
    )
    server = server.replace("/etc/ssl/emo.pem", str(folder / "cert.pem"))
    server = server.replace("/etc/ssl/emo.key", str(folder / "key.pem"))
    (folder / "nginx.conf").write_text(NGINX.replace("FOLDER", str(folder)) + server + "}\n")
    return [find_program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")]


def configure_caddy(folder: Path, port: int, address: str) -> list[str]:
    """Write the configuration. Gives the command."""
    site = read_snippet(f"{NAME} {{").replace("127.0.0.1:8000", address)
    site = site.replace(f"{NAME} {{", f"{NAME}:{port} {{\n    tls {folder}/cert.pem {folder}/key.pem")
    (folder / "Caddyfile").write_text("{\n    admin off\n    auto_https disable_redirects\n}\n" + site)
    return [find_program("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


CONFIGURE = {"nginx": configure_nginx, "caddy": configure_caddy}


@contextmanager
def run_proxy(name: str, folder: Path, port: int, address: str) -> Iterator[None]:
    """The proxy at `port` of 127.0.0.1 for the service at `address`. `folder` has the certificate."""
    command = CONFIGURE[name](folder, port, address)
    environment = os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "output.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                output = (folder / "output.log").read_text("utf-8", "replace")
                assert time.monotonic() < deadline and process.poll() is None, f"{name} did not start: {output}"
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)
