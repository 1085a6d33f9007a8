"""Messages between a program and its decoder process: JSON, and arrays in memory that both share.

Neither side unpickles anything: a decoder that a file has taken over can send wrong numbers, but no code. The memory of an
array is a file without a name; the sender seals it, so that it can be neither changed nor cut while it is read.
"""

import fcntl
import json
import math
import mmap
import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mmerc import errors
from mmerc.corpora import Clip
from mmerc.errors import ClipUnreadable, MediaError
from mmerc.media.video import Frames

SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
DTYPES = ("uint8", "float32", "float64")
MAX_MESSAGE = 1 << 20  # bytes, without arrays
HEAD = struct.Struct("!I")


def send(connection: socket.socket, body: dict[str, Any], arrays: Sequence[np.ndarray] = ()) -> None:
    """Send a body for JSON, with arrays."""
    files = [_share(array) for array in arrays]
    try:
        shapes = [{"dtype": str(array.dtype), "shape": array.shape} for array in arrays]
        content = json.dumps(body | {"arrays": shapes}).encode()
        socket.send_fds(connection, [HEAD.pack(len(content))], files)
        connection.sendall(content)
    finally:
        for file in files:
            os.close(file)


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The next body, with its arrays.

    Raises:
        EOFError: the other side has ended.
        ValueError: it is no message.
        TimeoutError: it does not come within the time limit of the connection.
    """
    head, files, _, _ = socket.recv_fds(connection, HEAD.size, 4)
    try:
        if len(head) < HEAD.size:
            raise EOFError
        (length,) = HEAD.unpack(head)
        if length > MAX_MESSAGE:
            raise ValueError(f"a message of {length} bytes")
        body = json.loads(_receive_bytes(connection, length))
        if not isinstance(body, dict) or len(body.get("arrays", [])) != len(files):
            raise ValueError("a message without its arrays")
        return body, [
            _map(file, each["dtype"], each["shape"]) for file, each in zip(files, body["arrays"], strict=True)
        ]
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"a message with wrong parts ({error})") from error
    finally:
        for file in files:
            os.close(file)


def pack_arguments(arguments: Sequence[Any], options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a function for JSON: clips, paths, numbers, texts and lists of these."""
    return {"arguments": [_pack(each) for each in arguments], "options": options}


def unpack_arguments(body: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """What `pack_arguments` packed."""
    return [_unpack(each) for each in body["arguments"]], body["options"]


def pack_result(value: Any) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The result of a function: frames, an array, or a value for JSON."""
    if isinstance(value, Frames):
        return {"kind": "frames"}, [value.images, value.times]
    if isinstance(value, np.ndarray):
        return {"kind": "array"}, [value]
    return {"kind": "value", "value": value}, []


def unpack_result(body: dict[str, Any], arrays: list[np.ndarray]) -> Any:
    """What `pack_result` packed, or its error.

    Raises:
        MediaError: the function raised it.
        ValueError: it is no result.
    """
    kind = body.get("kind")
    if kind == "error":
        found: Any = getattr(errors, str(body.get("error")), None)
        is_known = isinstance(found, type) and issubclass(found, MediaError)
        error: type[MediaError] = found if is_known else ClipUnreadable
        raise error(str(body.get("message"))[:500])
    if kind == "frames" and len(arrays) == 2:
        return Frames(*arrays)
    if kind == "array" and len(arrays) == 1:
        return arrays[0]
    if kind == "value" and isinstance(body["value"], bool | int | float | None):
        return body["value"]
    raise ValueError(f"a result of the kind {kind}")


def _pack(value: Any) -> Any:
    if isinstance(value, Clip):
        return {"clip": asdict(value) | {"path": str(value.path)}}
    if isinstance(value, Path):
        return {"path": str(value)}
    return list(value) if isinstance(value, tuple) else value


def _unpack(value: Any) -> Any:
    if isinstance(value, dict) and "clip" in value:
        return Clip(**(value["clip"] | {"path": Path(value["clip"]["path"])}))
    return Path(value["path"]) if isinstance(value, dict) else value


def _share(array: np.ndarray) -> int:
    """A file descriptor of sealed memory with the array."""
    file = os.memfd_create("mmerc-array", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        rest = memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        while rest:
            rest = rest[os.write(file, rest) :]
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, SEALS)
    except BaseException:
        os.close(file)
        raise
    return file


def _map(file: int, dtype: str, shape: Sequence[int]) -> np.ndarray:
    """The array of sealed memory. It may be written to: that makes a copy of the page, which the sender does not see."""
    if dtype not in DTYPES or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise ValueError(f"an array of {dtype} {shape}")
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if fcntl.fcntl(file, fcntl.F_GET_SEALS) & SEALS != SEALS or os.fstat(file).st_size != size:
        raise ValueError("an array whose memory is not sealed, or has another size")
    if not size:
        return np.zeros(shape, dtype)
    return np.frombuffer(mmap.mmap(file, size, access=mmap.ACCESS_COPY), dtype).reshape(shape)


def _receive_bytes(connection: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = connection.recv(length - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
