"""Decoder processes. `python -m mmerc.media.worker FD` is their template: it has imported what they need, and forks one at each order.

A decoder has no network, no model and no other file of the program open, and a limit of memory for its own data. The template reads no
file, so no file can make it fail.
"""

import ctypes
import os
import random
import resource
import signal
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Any

from mmerc.errors import MediaError
from mmerc.media import audio, messages, timeline, video  # they register the functions
from mmerc.media.isolation import FUNCTIONS

PR_SET_PDEATHSIG = 1
NICENESS = 5  # a program that answers other requests goes first
MAX_CORES = 4  # ffmpeg takes memory for each thread, and has one for each core
NEXT = "next"
ORDER, ANSWER = struct.Struct("!cQ"), struct.Struct("!i")
# Orders: fork a decoder with so many bytes, for the socket that comes along; wait for the end of a process.
FORK, WAIT = b"F", b"W"
MODULES = (audio, timeline, video)


def serve_orders(control: socket.socket) -> None:
    """What the template does, until the program closes the connection."""
    while True:
        content, files, _, _ = socket.recv_fds(control, ORDER.size, 1)
        if len(content) < ORDER.size:
            return
        order, number = ORDER.unpack(content)
        if order == WAIT:
            _, status = os.waitpid(number, 0)
            control.sendall(ANSWER.pack(os.waitstatus_to_exitcode(status)))
            continue
        process_id = os.fork()
        if process_id == 0:
            control.close()
            run_decoder(files[0], number)
        os.close(files[0])
        control.sendall(ANSWER.pack(process_id))


def run_decoder(descriptor: int, max_bytes: int) -> None:
    """Serve the calls that arrive at a socket, and end the process."""
    status = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a decoder that hangs ends with the program, too
        os.setpgid(0, 0)  # so that the program can lower the priority of all threads of this decoder at once
        limit_resources(max_bytes)
        with socket.socket(fileno=descriptor) as connection:
            serve(connection)
        status = 0
    finally:
        os._exit(status)


def limit_resources(max_bytes: int) -> None:
    """Limit the memory for data and the size of files, and let the program go first where the CPU is scarce."""
    for kind, value in (
        (resource.RLIMIT_DATA, max_bytes),
        (resource.RLIMIT_FSIZE, max_bytes),  # of the memory in which arrays are sent
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (limit, limit))
    os.nice(NICENESS)
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, random.sample(cores, min(MAX_CORES, len(cores))))


def serve(connection: socket.socket) -> None:
    """Answer each call with its result, or with what a generator yields: one value for each `next`, and `end` at its end."""
    while True:
        try:
            body, _ = messages.receive(connection)
        except EOFError:
            return
        if body["call"] == NEXT:  # the caller of a generator has left it before its end, or came too late
            continue
        try:
            arguments, options = messages.unpack_arguments(body)
            result = FUNCTIONS[body["call"]](*arguments, **options)
            if isinstance(result, Iterator):
                _serve_values(connection, result)
            else:
                _send(connection, *messages.pack_result(result))
        except MediaError as error:
            _send(connection, {"kind": "error", "error": type(error).__name__, "message": str(error)})
        except MemoryError:
            limit = resource.getrlimit(resource.RLIMIT_DATA)[0] / 1e6
            message = f"it needs more than the {limit:.0f} MB of memory that a file may take"
            _send(connection, {"kind": "error", "error": "ClipUnreadable", "message": message})


def _serve_values(connection: socket.socket, values: Iterator[Any]) -> None:
    for value in values:
        _send(connection, *messages.pack_result(value))
        body, _ = messages.receive(connection)
        if body["call"] != NEXT:
            return
    _send(connection, {"kind": "end"})


def _send(connection: socket.socket, body: dict[str, Any], arrays: Any = ()) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    messages.send(connection, body | {"peak_bytes": peak}, arrays)


def main() -> None:
    with socket.socket(fileno=int(sys.argv[1])) as control:
        serve_orders(control)


if __name__ == "__main__":
    main()
