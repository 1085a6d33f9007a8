"""The recognition of words beside the audio path, with stubs of a recogniser, and with the real one where it was fetched."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mmerc import weights
from mmerc.corpora import Clip, LiveRecording, Utterance
from mmerc.inference.live_segmenter import LiveSegmenter
from mmerc.inference.live_text import Words
from mmerc.inference.live_words import LiveWords, join_words
from mmerc.inference.transcription import Whisper
from mmerc.media import SAMPLE_RATE, read_waveform


class SlowRecogniser:
    """Says the number of each utterance, when it may."""

    def __init__(self) -> None:
        self.may_go_on, self.has_begun = threading.Semaphore(0), threading.Semaphore(0)
        self.heard: list[int] = []

    def __call__(self, samples: np.ndarray) -> str | None:
        self.heard.append(len(samples) // SAMPLE_RATE)
        self.has_begun.release()
        assert self.may_go_on.acquire(timeout=20)
        return f"number {self.heard[-1]}"


@pytest.fixture
def recogniser() -> SlowRecogniser:
    return SlowRecogniser()


@pytest.fixture
def words(recogniser: SlowRecogniser) -> Iterator[LiveWords]:
    words = LiveWords(recogniser, max_waiting=2)
    yield words
    for _ in range(10):
        recogniser.may_go_on.release()
    words.close()


def make_utterance(seconds: int, start: float = 0.0) -> Utterance:
    live = LiveRecording(np.full(seconds * SAMPLE_RATE, 0.1, np.float32), start=start)
    return Utterance("live", "", 0, start=start, end=start + seconds, live=live)


def test_ended_utterances_are_recognised_in_order_and_running_ones_only_in_idle_time(
    words: LiveWords, recogniser: SlowRecogniser
) -> None:
    assert words.is_idle
    running = words.submit(make_utterance(1), is_final=False)
    assert running is not None and recogniser.has_begun.acquire(timeout=20)
    first, second = words.submit(make_utterance(2)), words.submit(make_utterance(3))
    assert first is not None and second is not None
    assert words.submit(make_utterance(4), is_final=False) is None  # others wait
    assert words.submit(make_utterance(5)) is None  # too many wait
    for _ in range(3):
        recogniser.may_go_on.release()
    assert [join_words(each.result(20)) for each in (running, first, second)] == ["number 1", "number 2", "number 3"]
    assert recogniser.heard == [1, 2, 3]


def test_silence_and_typed_text_have_nothing_to_recognise(words: LiveWords) -> None:
    silent = Utterance("live", "", 0, live=LiveRecording(np.zeros(SAMPLE_RATE, np.float32)))
    assert words.submit(silent) is None and words.submit(Utterance("live", "", 0, text="Hi")) is None


def test_what_waits_at_the_end_is_cancelled(words: LiveWords, recogniser: SlowRecogniser) -> None:
    running, waiting = words.submit(make_utterance(1)), words.submit(make_utterance(2))
    assert running is not None and waiting is not None and recogniser.has_begun.acquire(timeout=20)
    recogniser.may_go_on.release()
    words.close()
    assert waiting.cancelled() or waiting.done()
    assert join_words(running.result()) == "number 1" and words.submit(make_utterance(3)) is None


def test_a_failure_of_the_recogniser_is_an_utterance_without_words() -> None:
    def fail(samples: np.ndarray) -> str | None:
        raise RuntimeError("out of memory")

    words = LiveWords(fail)
    try:
        for _ in range(2):
            found = words.submit(make_utterance(1))
            assert found is not None and list(found.result(20)) == []
    finally:
        words.close()


class TimedRecogniser:
    """Words at 0.1 s, 0.5 s and at the end of the samples."""

    def __call__(self, samples: np.ndarray) -> str | None:
        raise AssertionError("the times are wanted")

    def recognise(self, samples: np.ndarray) -> list[Words]:
        end = len(samples) / SAMPLE_RATE
        return [Words("before", 0.0, 0.2), Words("Hello", 0.4, 0.6), Words("after", end - 0.08, end)]


def test_words_have_the_times_of_the_stream_and_those_of_the_margin_are_left_out() -> None:
    words = LiveWords(TimedRecogniser())
    live = LiveRecording(np.full(SAMPLE_RATE, 0.1, np.float32), start=9.8)
    try:
        found = words.submit(Utterance("live", "", 0, start=10.0, end=10.7, live=live))
        assert found is not None and list(found.result(20)) == [Words("Hello", 10.2, 10.4)]
    finally:
        words.close()


@pytest.mark.realdata
def test_the_fetched_model_gives_words_with_times(real_data: Path) -> None:
    pytest.importorskip("faster_whisper")
    if weights.find("whisper-base") is None:
        pytest.skip("needs `mmerc weights fetch whisper-base`")
    voice = read_waveform(Clip(real_data / "ravdess/Actor_01/03-01-01-01-01-01-01.flac"))
    segmenter = LiveSegmenter()
    utterances = segmenter.add_audio(np.concatenate([voice, np.zeros(2 * SAMPLE_RATE, np.float32)]))
    (utterance,) = utterances or segmenter.finish()
    words = LiveWords(Whisper("base"))
    try:
        recognition = words.submit(utterance)
        assert recognition is not None
        found = recognition.result(60)
    finally:
        words.close()
    assert str(join_words(found)).rstrip(".") == "Kids are talking by the door"
    assert utterance.start is not None and utterance.end is not None
    assert [each.start for each in found] == sorted(each.start or 0.0 for each in found)
    assert utterance.start - 0.25 <= (found[0].start or 0.0) and (found[-1].end or 0.0) <= utterance.end + 0.25
