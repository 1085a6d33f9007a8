"""The process itself is tested with `decoders`."""

import resource
import socket
import subprocess
import sys
from pathlib import Path
from threading import Thread

from mmerc.media import messages, worker


def test_it_serves_calls_until_the_connection_is_closed(tmp_path: Path) -> None:
    one, other = socket.socketpair()
    thread = Thread(target=worker.serve, args=(other,))
    thread.start()
    with one, other:
        for _ in range(2):
            messages.send(one, {"call": "measure_duration", **messages.pack_arguments([tmp_path / "none.wav"], {})})
            body, _ = messages.receive(one)
            assert (body["kind"], body["error"], body["message"]) == ("error", "ClipNotFound", "none.wav is absent")
            assert body["peak_bytes"] > 1_000_000
        one.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    assert not thread.is_alive()


def test_its_memory_is_limited() -> None:
    code = f"from mmerc.media.worker import limit_resources; limit_resources({10**9}); bytearray({2 * 10**9})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "MemoryError" in done.stderr
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] != 10**9  # only there
