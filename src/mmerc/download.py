"""Downloads over HTTP: a broken download continues where it stopped, and what arrives is checked by its size and hash.

While a file is incomplete it is called `NAME.part`. `NAME.part.version` beside it has the server's name for this version of the
file (its ETag, or its date): the server is asked to continue only this version, and sends a newer one from its start.
"""

import errno
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmerc.errors import DownloadError

ATTEMPTS = 5
PAUSE = 1.0  # seconds before the second attempt, twice as many before the third, and so on
TIMEOUT = (10, 60)  # seconds: to connect, and until the next bytes arrive
BLOCK = 1 << 14  # bytes; when a connection breaks, those of the present block are lost
TEMPORARY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})

Report = Callable[
    [int, int | None], None
]  # is called with the bytes so far, and with their final number where it is known


class _Interrupted(Exception):
    """The connection broke, or the server is busy: another attempt may succeed."""


def download_file(
    url: str,
    target: Path,
    *,
    checksum: str | None = None,
    size: int | None = None,
    report: Report | None = None,
    session: Any = None,
) -> Path:
    """Download a file, or continue the download of an earlier call.

    Args:
        url: an address with `http:` or `https:`. Proxies come from the environment (`HTTPS_PROXY`).
        target: where the complete file will be. Its folder is created.
        checksum: the algorithm and the published hash, such as `sha256:9f86…`; without it any content is accepted.
        size: the published size in bytes.
        report: is called after each block.
        session: a `requests.Session`, to use one connection for several files.

    Raises:
        DownloadError: the server does not have the file, cannot be reached, or gives another file than the published one; or the
            file cannot be written. What arrived is kept for the next call, unless it is another file.
    """
    import requests  # imported here: only a download needs it

    part = _name_part(target)
    with _explain_full_disk(part):
        part.parent.mkdir(parents=True, exist_ok=True)
        _transfer((session or requests).get, url, part, is_checked=checksum is not None, size=size, report=report)
        difference = find_difference(part, checksum, size)
        if difference:
            part.unlink()
        _name_version(part).unlink(missing_ok=True)
        if difference:
            raise DownloadError(f"{url} gives another file than the published one ({difference})")
        part.replace(target)
    return target


def find_difference(file: Path, checksum: str | None, size: int | None = None) -> str:
    """How a file differs from the published size and hash; empty where it does not. What is not known is not compared.

    >>> find_difference(Path("/dev/null"), "md5:" + "0" * 32)
    'it has MD5 d41d8cd98f00… and not 000000000000…'
    """
    if size is not None and file.stat().st_size != size:
        return f"it has {file.stat().st_size:,} bytes and not {size:,}"
    if checksum is None:
        return ""
    algorithm, _, published = checksum.partition(":")
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, algorithm).hexdigest()
    name = algorithm.upper().replace("SHA", "SHA-")
    return "" if found == published else f"it has {name} {found[:12]}… and not {published[:12]}…"


def _name_part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _name_version(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _transfer(get: Callable[..., Any], url: str, part: Path, **options: Any) -> None:
    """Attempts until the part is complete. A server that cannot be reached at all is tried once."""
    from requests import RequestException

    for attempt in range(ATTEMPTS):
        time.sleep(PAUSE * attempt)
        try:
            return _continue(get, url, part, **options)
        except _Interrupted as error:
            reason = str(error)
        except RequestException as error:
            reason = type(error).__name__
            if attempt == 0:
                break
    raise DownloadError(f"{url} cannot be downloaded ({reason})")


def _continue(
    get: Callable[..., Any], url: str, part: Path, *, is_checked: bool, size: int | None, report: Report | None
) -> None:
    """One attempt: ask for the bytes that are missing, and append them."""
    done = part.stat().st_size if part.is_file() else 0
    version = _name_version(part).read_text(encoding="utf-8") if _name_version(part).is_file() else ""
    headers = {"Accept-Encoding": "identity"}  # sizes and ranges are those of the file itself
    if done and (version or is_checked):
        headers |= {"Range": f"bytes={done}-", **({"If-Range": version} if version else {})}
    with get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        _check_status(response, url, part)
        if response.status_code == 416:
            if _read_total(response) == done:
                return  # only the renaming was missing
            part.unlink()
            raise _Interrupted("the server has another version of the file")
        if response.status_code == 206:
            total = _read_total(response)
            if not response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
                part.unlink()
                raise _Interrupted("the server continues at another byte")
        else:
            done, total = 0, _parse_number(response.headers.get("Content-Length", ""))
            tag = response.headers.get("ETag", "")
            tag = response.headers.get("Last-Modified", "") if tag.startswith("W/") or not tag else tag
            _name_version(part).write_text(tag, encoding="utf-8")
        if shutil.disk_usage(part.parent).free < (total or 0) - done:
            raise OSError(errno.ENOSPC, f"{total:,} bytes are needed")
        with part.open("ab" if done else "wb") as stream:
            for block in _read_blocks(response):
                done += stream.write(block)
                if size is not None and done > size:
                    return  # it is another file; do not fill the disk with it
                if report is not None:
                    report(done, total)
        if total is not None and done < total:
            raise _Interrupted(f"the connection broke after {done:,} of {total:,} bytes")


def _read_blocks(response: Any) -> Iterator[bytes]:
    from requests import RequestException

    try:
        yield from response.iter_content(BLOCK)
    except RequestException as error:
        raise _Interrupted(f"the connection broke, {type(error).__name__}") from error


def _check_status(response: Any, url: str, part: Path) -> None:
    status = response.status_code
    if status in TEMPORARY_STATUS:
        raise _Interrupted(f"the server answers {status} {response.reason}")
    if status >= 400 and (status != 416 or not part.is_file()):
        raise DownloadError(f"{url} cannot be downloaded (the server answers {status} {response.reason})")


def _read_total(response: Any) -> int | None:
    return _parse_number(response.headers.get("Content-Range", "").rpartition("/")[2])


def _parse_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


@contextmanager
def _explain_full_disk(part: Path) -> Iterator[None]:
    """Raises DownloadError: the file cannot be written. The errors of `requests` are handled before."""
    try:
        yield
    except OSError as error:
        raise DownloadError(
            f"{part.parent} cannot be written ({error.strerror}): free some space or choose another folder, and run the command again"
        ) from error
