"""Decoder processes: what they give, and what becomes of a file that makes one crash, hang or take all memory."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mmerc.corpora import Clip
from mmerc.errors import ClipNotFound, ClipUnreadable, NoVideo
from mmerc.media import read_frames, read_waveform
from mmerc.media.audio import read_waveform_blocks
from mmerc.media.decoders import LOW_PRIORITY, Decoders
from mmerc.media.isolation import use_decoder
from mmerc.media.timeline import is_longer_than, measure_duration
from mmerc.media.worker import NICENESS
from tests.media.clips import write_wav

# A template whose decoder does what the first word of a file says.
FAULTY = """
import os, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from mmerc.media import isolation, worker

def compute_until_priority_is_lower(number):
    first = os.getpriority(os.PRIO_PROCESS, 0)
    while os.getpriority(os.PRIO_PROCESS, 0) == first:
        sum(range(10_000))
    return os.getpriority(os.PRIO_PROCESS, 0)

def is_longer_than(path, seconds):
    word = path.read_text()
    if word == "crash":
        os.abort()
    if word == "hang":
        time.sleep(1000)
    if word == "memory":
        bytearray(10**12)
    if word == "leave":
        os._exit(3)
    if word == "priority":
        return os.getpriority(os.PRIO_PROCESS, 0)
    if word == "session":
        return os.getsid(0)
    if word == "compute":
        with ThreadPoolExecutor(2) as threads:
            return min(threads.map(compute_until_priority_is_lower, range(2)))
    return True

isolation.FUNCTIONS["is_longer_than"] = is_longer_than
worker.main()
"""


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    decoders = Decoders(2)
    yield decoders
    decoders.close()


@pytest.fixture
def faulty() -> Iterator[Decoders]:
    decoders = Decoders(2, timeout=1.0, command=(sys.executable, "-c", FAULTY))
    yield decoders
    decoders.close()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    wave = 0.5 * np.sin(np.arange(50_000) / 5)
    return write_wav(tmp_path_factory.mktemp("sound") / "sound.wav", wave[None].astype(np.float32))


def test_it_gives_what_this_process_would(decoders: Decoders, sound: Path, small_corpus: Path) -> None:
    clip = Clip(sorted((small_corpus / "train_splits").iterdir())[0])
    frames, wave, length = read_frames(clip, 5), read_waveform(clip), measure_duration(sound)
    blocks = list(read_waveform_blocks(Clip(sound)))
    with use_decoder(decoders):
        found = read_frames(clip, 5)
        assert (found.images == frames.images).all() and (found.times == frames.times).all()
        assert (read_waveform(clip) == wave).all() and measure_duration(sound) == length
        assert all((one == other).all() for one, other in zip(read_waveform_blocks(Clip(sound)), blocks, strict=True))
        assert is_longer_than(sound, 0.01) and not is_longer_than(sound, 100)


def test_errors_of_a_file_are_those_of_this_process(decoders: Decoders, sound: Path, tmp_path: Path) -> None:
    (tmp_path / "not.mp4").write_text("no film")
    with use_decoder(decoders):
        with pytest.raises(ClipNotFound, match="none.wav is absent"):
            measure_duration(tmp_path / "none.wav")
        with pytest.raises(ClipUnreadable, match="not.mp4 cannot be opened"):
            next(read_waveform_blocks(Clip(tmp_path / "not.mp4")))
        with pytest.raises(NoVideo, match="no video"):
            read_frames(Clip(sound), 1)


def test_a_generator_that_is_left_early_holds_no_process(decoders: Decoders, sound: Path) -> None:
    with use_decoder(decoders):
        for _ in range(5):  # more than there are processes
            blocks = read_waveform_blocks(Clip(sound))
            assert isinstance(next(blocks), np.ndarray)
            del blocks
        assert measure_duration(sound) > 0


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("crash", r"clip.txt made the decoder fail \(SIGABRT\): convert it to another format"),
        ("leave", "clip.txt made the decoder fail: convert it"),
        ("hang", "clip.txt takes more than 1 s to read"),
        ("memory", "it needs more than the 1000 MB of memory that a file may take"),
    ],
)
def test_a_file_that_breaks_the_decoder_gets_its_sentence(
    faulty: Decoders, word: str, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "clip.txt").write_text(word)
    (tmp_path / "good.txt").write_text("good")
    with use_decoder(faulty):
        for _ in range(3):  # more than there are processes
            with pytest.raises(ClipUnreadable, match=sentence):
                is_longer_than(tmp_path / "clip.txt", 1.0)
        assert is_longer_than(tmp_path / "good.txt", 1.0)


def test_others_are_answered_while_a_file_hangs(faulty: Decoders, tmp_path: Path) -> None:
    (tmp_path / "hang.txt").write_text("hang")
    (tmp_path / "good.txt").write_text("good")

    def ask(name: str) -> bool:
        with use_decoder(faulty):
            return is_longer_than(tmp_path / name, 1.0)

    with ThreadPoolExecutor(4) as threads:
        assert threads.submit(ask, "good.txt").result()
        hanging = threads.submit(ask, "hang.txt")
        time.sleep(0.1)
        begun = time.monotonic()
        assert all(threads.map(ask, ["good.txt"] * 10)) and time.monotonic() - begun < 1 and not hanging.done()
        with pytest.raises(ClipUnreadable):
            hanging.result()


def test_a_decoder_computes_with_lower_priority_than_the_program(faulty: Decoders, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("priority")
    with use_decoder(faulty):
        assert is_longer_than(tmp_path / "file", 1.0) == os.getpriority(os.PRIO_PROCESS, 0) + NICENESS


def test_a_decoder_is_in_the_session_of_the_program_where_its_niceness_counts(faulty: Decoders, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("session")
    with use_decoder(faulty):
        assert is_longer_than(tmp_path / "file", 1.0) == os.getsid(0)


def test_all_threads_of_a_decoder_that_computes_for_long_get_low_priority(tmp_path: Path) -> None:
    (tmp_path / "long").write_text("compute")
    (tmp_path / "next").write_text("priority")
    decoders = Decoders(1, timeout=100.0, command=(sys.executable, "-c", FAULTY))
    try:
        with use_decoder(decoders):
            assert is_longer_than(tmp_path / "long", 1.0) == LOW_PRIORITY
            assert is_longer_than(tmp_path / "next", 1.0) < LOW_PRIORITY  # another process
    finally:
        decoders.close()


def test_a_process_with_low_priority_has_more_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmerc.media.decoders.PATIENCE", -1.0)  # it is slow from the start
    (tmp_path / "hang.txt").write_text("hang")
    decoders = Decoders(1, timeout=0.3, command=(sys.executable, "-c", FAULTY))
    try:
        with use_decoder(decoders), pytest.raises(ClipUnreadable, match=r"hang.txt takes more than 0\.9 s to read"):
            is_longer_than(tmp_path / "hang.txt", 1.0)
    finally:
        decoders.close()


def test_closing_ends_a_call_that_hangs(tmp_path: Path) -> None:
    decoders = Decoders(1, timeout=100.0, command=(sys.executable, "-c", FAULTY))
    (tmp_path / "hang.txt").write_text("hang")
    errors: list[Exception] = []

    def ask() -> None:
        try:
            with use_decoder(decoders):
                is_longer_than(tmp_path / "hang.txt", 1.0)
        except ClipUnreadable as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not decoders._used:
        time.sleep(0.01)
    (process,) = decoders._used
    decoders.close()
    thread.join(10)
    assert len(errors) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(process.process_id, 0)
