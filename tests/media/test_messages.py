import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmerc.corpora import Clip
from mmerc.errors import ClipUnreadable, NoAudio
from mmerc.media import Frames, messages


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


Ends = tuple[socket.socket, socket.socket]


def test_arguments_arrive_as_they_were(ends: Ends) -> None:
    clip = Clip(Path("/a b/ü.mp4"), 0.5, None, 1)
    messages.send(ends[0], messages.pack_arguments((clip, Path("x"), 3, [0.5, 1.0]), {"rate": float("inf")}))
    body, arrays = messages.receive(ends[1])
    assert messages.unpack_arguments(body) == ([clip, Path("x"), 3, [0.5, 1.0]], {"rate": float("inf")}) and not arrays


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        True,
        None,
        np.arange(200_000, dtype=np.float32),
        np.zeros(0, np.float32),
        Frames(np.full((2, 3, 4, 3), 7, np.uint8), np.array([0.0, 1.0])),
    ],
)
def test_results_arrive_as_they_were(value: Any, ends: Ends) -> None:
    messages.send(ends[0], *messages.pack_result(value))
    found = messages.unpack_result(*messages.receive(ends[1]))
    if isinstance(value, Frames):
        assert (found.images == value.images).all() and (found.times == value.times).all()
        found.images[0] = 1  # as every array of frames may be changed
    elif isinstance(value, np.ndarray):
        assert found.dtype == value.dtype and (found == value).all()
    else:
        assert found == value


def test_an_error_is_raised_again_if_it_is_one_of_a_file() -> None:
    with pytest.raises(NoAudio, match="it is silent"):
        messages.unpack_result({"kind": "error", "error": "NoAudio", "message": "it is silent"}, [])
    for name in ("SystemExit", "ConfigError", "re", None):
        with pytest.raises(ClipUnreadable):
            messages.unpack_result({"kind": "error", "error": name, "message": ""}, [])


@pytest.mark.parametrize(
    "body", [{"kind": "array"}, {"kind": "frames"}, {"kind": "other"}, {"kind": "value", "value": ["a"]}]
)
def test_what_is_no_result_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        messages.unpack_result(body, [])


def test_memory_that_its_sender_could_still_change_is_refused(ends: Ends) -> None:
    file = os.memfd_create("open", os.MFD_ALLOW_SEALING)
    os.write(file, bytes(8))
    content = json.dumps({"arrays": [{"dtype": "float64", "shape": [1]}]}).encode()
    socket.send_fds(ends[0], [messages.HEAD.pack(len(content))], [file])
    os.close(file)
    ends[0].sendall(content)
    with pytest.raises(ValueError, match="not sealed"):
        messages.receive(ends[1])


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", EOFError),
        (b"\x00\x00\x00\x09abc", EOFError),
        (b"\xff\xff\xff\xff", ValueError),
        (b"\x00\x00\x00\x02[]", ValueError),
        (b"\x00\x00\x00\x0f" + b'{"arrays": [1]}', ValueError),
    ],
)
def test_what_is_no_message_is_refused(content: bytes, error: type[Exception], ends: Ends) -> None:
    ends[0].sendall(content)
    ends[0].close()
    with pytest.raises(error):
        messages.receive(ends[1])
