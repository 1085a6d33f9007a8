"""Decoder processes from the side of the program: started when they are needed, limited in memory and time, replaced after a crash."""

import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from mmerc.corpora import Clip
from mmerc.errors import ClipUnreadable
from mmerc.media import messages
from mmerc.media.fair_slots import FairSlots
from mmerc.media.worker import ANSWER, FORK, NEXT, ORDER, WAIT

log = logging.getLogger("mmerc")
COMMAND = (sys.executable, "-m", "mmerc.media.worker")
START_TIMEOUT = 60.0  # seconds in which the template imports its modules
MAX_BYTES = 1_000_000_000  # of a process for its data; 4K video in 10 bits takes half of it
TIMEOUT = 20.0  # seconds for an answer
# Seconds of CPU for a call, after which what others ask for goes first, and how often this is looked at. The niceness from then on leaves the CPU to every
# other decoder that computes, and the time for an answer is this many times as long.
PATIENCE, LOOK_INTERVAL, LOW_PRIORITY, LONGER = 0.5, 0.1, 19, 3
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
MAX_KEPT_BYTES = 300_000_000  # a process that has needed more is not used again: freed memory may stay with it
WORKER_FAILURES = (EOFError, ValueError, OSError)  # TimeoutError is an OSError


class Decoders:
    """At most `count` decoder processes, which many threads may use; an isolated function is called by one of them.

    Each call, and each step of a generator, has `timeout` seconds; three times as many if it computes for so long that its process gets a lower
    priority, and so waits for others. Of the threads that wait for a process, one whose `client`
    uses the fewest processes is the next. `while_waiting`: entered while a thread waits, so that it can leave its place to another one.
    """

    def __init__(
        self,
        count: int,
        *,
        max_bytes: int = MAX_BYTES,
        timeout: float = TIMEOUT,
        command: Sequence[str] = COMMAND,
        find_client: Callable[[], str] = lambda: "",
        while_waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.max_bytes, self.timeout, self.template = max_bytes, timeout, get_template(tuple(command))
        self._slots = FairSlots(count)
        self._find_client, self._while_waiting = find_client, while_waiting
        self._lock = Lock()
        self._idle: list[DecoderProcess] = []
        self._used: set[DecoderProcess] = set()
        self._is_closed = False

    def call(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """The result of a function.

        Raises:
            MediaError: the function raised it, or the file made the process crash or take too long.
        """
        with self._while_waiting(), self._borrow(arguments) as process:
            process.send({"call": name, **messages.pack_arguments(arguments, options)})
            return process.receive()

    def iterate(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Iterator[Any]:
        """What a generator yields.

        Raises:
            MediaError: as in `call`.
        """
        with self._borrow(arguments) as process:
            process.is_in_generator = True
            process.send({"call": name, **messages.pack_arguments(arguments, options)})
            while True:
                with self._while_waiting():
                    value = process.receive()
                if value is process:  # the end
                    return
                yield value
                process.send({"call": NEXT})

    def close(self) -> None:
        """End all processes; calls that are going on fail."""
        with self._lock:
            self._is_closed = True
            processes = [*self._idle, *self._used]
            self._idle = []
        for process in processes:
            process.stop()

    @contextmanager
    def _borrow(self, arguments: tuple[Any, ...]) -> Iterator["DecoderProcess"]:
        """A process for the length of a `with` block. It is used again unless it has failed."""
        name = _name_file(arguments)
        client = self._find_client()
        self._slots.acquire(client)
        try:
            process = self._take(name)
            try:
                yield process
            except WORKER_FAILURES as error:
                raise ClipUnreadable(process.explain(error, name)) from error
            finally:
                self._give_back(process)
        finally:
            self._slots.release(client)

    def _take(self, name: str) -> "DecoderProcess":
        with self._lock:
            process = self._idle.pop() if self._idle else None
        if process is None:
            try:
                process = DecoderProcess(self.template, self.max_bytes, self.timeout)
            except OSError as error:
                log.error("no decoder process can be started: %s", error)
                raise ClipUnreadable(f"{name} cannot be read, because no decoder can be started") from error
        with self._lock:
            self._used.add(process)
        return process

    def _give_back(self, process: "DecoderProcess") -> None:
        with self._lock:
            self._used.discard(process)
            is_small = process.peak_bytes < MAX_KEPT_BYTES
            is_useful = process.is_ready and is_small and not process.is_slow and not self._is_closed
            if is_useful:
                self._idle.append(process)
        if not is_useful:
            process.stop()


class Template:
    """The process that forks decoders (see `worker`): a new one is there in milliseconds."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def fork(self, connection: socket.socket, max_bytes: int) -> int:
        """The ID of a new decoder that serves `connection`.

        Raises:
            OSError: it cannot be started.
        """
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            assert self._control is not None
            socket.send_fds(self._control, [ORDER.pack(FORK, max_bytes)], [connection.fileno()])
            return self._receive()

    def wait(self, process_id: int) -> int:
        """The exit status of a decoder that has ended, or is about to; negative for a signal."""
        with self._lock:
            if self._control is None:
                return 0
            try:
                self._control.sendall(ORDER.pack(WAIT, process_id))
                return self._receive()
            except OSError:
                return 0  # the template was killed, and its decoders belong to nobody

    def _start(self) -> None:
        control, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(
                [*self.command, str(other.fileno())],
                pass_fds=[other.fileno()],
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # threads do not survive a fork
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # Ctrl-C is for the program, which then ends it. A new session would do that, too, but Linux shares the CPU between
                # sessions first (sched_autogroup), and then no niceness of a decoder counts against the program.
                process_group=0,
            )
        control.settimeout(START_TIMEOUT)
        self._control = control

    def _receive(self) -> int:
        assert self._control is not None
        content = self._control.recv(ANSWER.size, socket.MSG_WAITALL)
        if len(content) < ANSWER.size:
            raise ConnectionError("the template of the decoders has ended")
        return int(ANSWER.unpack(content)[0])


get_template = lru_cache(Template)


class DecoderProcess:
    """One decoder process, used by one thread at a time."""

    def __init__(self, template: Template, max_bytes: int, timeout: float) -> None:
        self.template, self.timeout, self.peak_bytes = template, timeout, 0
        self.is_ready = True  # for another call
        self.is_in_generator = False
        self.is_slow = False  # it computes with low priority from now on
        self._cpu_before = 0.0  # seconds that it had computed when it was called
        self._status: int | None = None
        self._stop_lock = Lock()
        self.connection, other = socket.socketpair()
        with other:
            self.process_id = template.fork(other, max_bytes)
        self.connection.settimeout(timeout)

    def send(self, body: dict[str, Any]) -> None:
        """Send a call. Raises OSError: the process has ended."""
        self.is_ready = False
        if body["call"] != NEXT:
            self._cpu_before = _read_cpu_seconds(self.process_id)
        messages.send(self.connection, body)

    def receive(self) -> Any:
        """The result; the process itself at the end of a generator.

        Raises:
            MediaError: the function raised it.
            EOFError, OSError, ValueError: the process has ended, does not answer, or answers with something else.
        """
        self._wait_for_answer()
        body, arrays = messages.receive(self.connection)
        peak = body.get("peak_bytes")
        self.peak_bytes = peak if isinstance(peak, int) else 0
        self.is_ready = body.get("kind") in ("end", "error") or not self.is_in_generator
        if self.is_ready:
            self.is_in_generator = False
        return self if body.get("kind") == "end" else messages.unpack_result(body, arrays)

    @property
    def _limit(self) -> float:
        """Seconds for an answer."""
        return self.timeout * (LONGER if self.is_slow else 1)

    def _wait_for_answer(self) -> None:
        """Wait until there is something to receive. Lower the priority of a process that has computed for long since its call.

        Raises:
            TimeoutError: it takes too long.
        """
        answer = select.poll()
        answer.register(self.connection, select.POLLIN)
        begun = time.monotonic()
        while not answer.poll(1000 * LOOK_INTERVAL):
            if time.monotonic() - begun >= self._limit:
                raise TimeoutError
            if not self.is_slow and _read_cpu_seconds(self.process_id) - self._cpu_before > PATIENCE:
                self.is_slow = True
                with suppress(OSError):  # it has ended
                    os.setpriority(os.PRIO_PGRP, self.process_id, LOW_PRIORITY)

    def explain(self, error: Exception, name: str) -> str:
        """Why the call failed, after the process was ended."""
        self.is_ready = False
        if isinstance(error, TimeoutError):
            self.stop()
            return f"{name} takes more than {self._limit:g} s to read"
        status = self.stop()
        how = f" ({signal.Signals(-status).name})" if status < 0 and status != -signal.SIGKILL else ""
        log.warning("a decoder process failed on %s%s: %s", name, how, error)
        return f"{name} made the decoder fail{how}: convert it to another format"

    def stop(self) -> int:
        """End the process now. Its exit status; that of a signal is negative."""
        with self._stop_lock:
            self.is_ready = False
            with suppress(OSError):  # the other side has ended; a thread that waits for an answer wakes up
                self.connection.shutdown(socket.SHUT_RDWR)
            self.connection.close()
            if self._status is None:
                with suppress(ProcessLookupError):
                    os.kill(
                        self.process_id, signal.SIGKILL
                    )  # an ended process keeps its ID until the template has waited
                self._status = self.template.wait(self.process_id)
            return self._status


def _read_cpu_seconds(process_id: int) -> float:
    """The time that all threads of a process have computed; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS  # utime and stime of proc(5)


def _name_file(arguments: tuple[Any, ...]) -> str:
    first = arguments[0] if arguments else None
    path = first.path if isinstance(first, Clip) else first
    return path.name if isinstance(path, Path) else "the file"
