"""What is heard, seen and read, utterance by utterance."""

from pathlib import Path

import numpy as np
import pytest

from mmerc.corpora import Clip, Utterance
from mmerc.inference.live_segmenter import Ear
from mmerc.media import SAMPLE_RATE, read_waveform


def sound(seconds: float, level: float = 0.0) -> np.ndarray:
    return np.full(int(seconds * SAMPLE_RATE), level, np.float32)


def test_words_that_end_by_command() -> None:
    ear = Ear("Ann")
    ear.read("You came", "")
    ear.read("back!", "")
    (turn,) = ear.finish()
    assert (turn.text, turn.speaker, turn.start, turn.end) == ("You came back!", "Ann", 0.0, 0.0)
    assert ear.finish() == []


def test_each_utterance_has_the_sound_and_the_pictures_of_its_time() -> None:
    ear = Ear(detecting=False)
    ear.see(b"before", 0.0)
    ear.hear(sound(1.0, 0.1))
    ear.see(b"first", 9.0)  # sound is the better clock
    ear.hear(sound(0.5, 0.2))
    (first,) = ear.finish()
    ear.hear(sound(0.6, 0.3))
    ear.see(b"second", 9.5)
    (second,) = ear.finish()
    assert first.live is not None and second.live is not None
    assert (first.start, first.end, second.start, second.end) == (0.0, 1.5, 1.5, 2.1)
    assert first.live.pictures == (b"before", b"first") and second.live.pictures == (b"second",)
    assert len(first.live.samples) == 1.5 * SAMPLE_RATE and first.live.samples[-1] == pytest.approx(0.2, abs=1e-3)
    # The second begins 0.2 s early, with the end of the first: that is where breath and consonants are.
    assert len(second.live.samples) == pytest.approx(0.8 * SAMPLE_RATE, abs=1)
    assert second.live.times == pytest.approx([0.8], abs=1e-3)


def test_sound_that_begins_late_has_its_own_samples() -> None:
    ear = Ear(detecting=False)
    ear.see(b"before", 60.0)
    ear.read("typed", "")
    (typed,) = ear.finish()
    ear.hear(sound(1.0, 0.1))
    ear.see(b"during", 61.0)
    ear.hear(sound(0.5, 0.2))
    (said,) = ear.finish()
    assert (typed.end, said.start, said.end) == (60.0, 60.0, 61.5)
    assert said.live is not None and len(said.live.samples) == 1.5 * SAMPLE_RATE
    assert said.live.pictures == (b"during",) and said.live.times == pytest.approx([1.0])  # after the first sample


@pytest.mark.realdata
def test_a_voice_after_typed_words_is_heard_where_it_is(real_data: Path) -> None:
    voice = read_waveform(Clip(sorted((real_data / "ravdess").rglob("*.flac"))[0]))
    samples = np.concatenate([voice, np.zeros(SAMPLE_RATE, np.float32)])

    def heard(seen: float) -> Utterance:
        ear, turns = Ear(), []
        if seen:
            ear.see(b"x", seen)
            ear.read("typed", "")
            ear.finish()
        for first in range(0, len(samples), 1600):
            turns += ear.hear(samples[first : first + 1600])
        return turns[0]

    alone, after = heard(0.0), heard(60.0)
    assert alone.start is not None and after.start == pytest.approx(60 + alone.start, abs=1e-3)
    assert alone.live is not None and after.live is not None
    assert np.array_equal(after.live.samples, alone.live.samples) and len(alone.live.samples) > 0.5 * SAMPLE_RATE


def test_memory_is_bounded_however_long_nobody_ends_it() -> None:
    ear = Ear(detecting=False)
    for number in range(600):
        ear.hear(sound(0.5))
        ear.see(b"x", number)
    assert len(ear.samples) <= 31 * SAMPLE_RATE and len(ear.pictures) <= 300
    (turn,) = ear.finish()
    assert turn.end == 300.0 and turn.start == 270.0


@pytest.mark.realdata
def test_a_voice_ends_by_itself(real_data: Path) -> None:
    voice = read_waveform(Clip(sorted((real_data / "ravdess").rglob("*.flac"))[0]))
    silence = np.zeros(SAMPLE_RATE, np.float32)
    samples = np.concatenate([silence, voice, silence, silence])
    ear, turns = Ear(), []
    for first in range(0, len(samples), 1600):
        turns += ear.hear(samples[first : first + 1600])
    (turn,) = turns
    assert turn.start is not None and turn.end is not None
    assert 1.0 < turn.start < turn.end < 1.0 + len(voice) / SAMPLE_RATE + 0.2


def test_words_are_bounded_and_empty_ones_are_nothing() -> None:
    ear = Ear(most_characters=10)
    for _ in range(1000):
        ear.read("", "")
    ear.read("12345", "")
    for _ in range(3):
        with pytest.raises(ValueError, match="more than 10 characters"):
            ear.read("678901", "")
    assert ear.text == "12345"


def test_pictures_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmerc.inference.live_segmenter.PICTURE_BYTES", 1000)
    ear = Ear()
    for number in range(20):
        ear.see(bytes(300), number)
    assert len(ear.pictures) == 3 and ear.weight == 900


@pytest.mark.realdata
def test_a_voice_that_goes_on_after_the_end_is_heard(real_data: Path) -> None:
    voice = read_waveform(Clip(sorted((real_data / "ravdess").rglob("*.flac"))[0]))
    samples = np.concatenate([voice, np.zeros(SAMPLE_RATE, np.float32)])
    ear, turns, forced = Ear(), [], []
    for first in range(0, len(samples), 1600):
        turns += ear.hear(samples[first : first + 1600])
        if not forced and ear.speaking_since is not None and ear.now > ear.speaking_since + 0.3:
            forced = ear.finish()
    (first_part,), (rest,) = forced, turns
    assert first_part.end == rest.start and rest.end is not None and rest.end > rest.start + 0.3


def test_what_is_open_at_the_end() -> None:
    seen, listened, typed = Ear(), Ear(), Ear()
    seen.see(b"x", 1.0)
    listened.hear(sound(1.0))
    typed.hear(sound(1.0))
    typed.read("Bye.", "")
    assert [len(ear.finish(asked=False)) for ear in (seen, listened, typed, Ear())] == [1, 0, 1, 0]
    told = Ear(detecting=False)
    told.hear(sound(1.0))
    assert len(told.finish(asked=False)) == 1  # its client says when somebody speaks


def test_samples_as_microphones_give_them() -> None:
    ear = Ear(detecting=False)
    ear.hear(np.full(1600, 16_384, np.int16))
    ear.hear(np.full(1600, 0.5))
    ear.hear(np.float32([np.nan] * 1600))
    (turn,) = ear.finish()
    assert turn.live is not None and turn.live.samples.dtype == np.float32
    assert turn.live.samples.tolist() == [0.5] * 3200 + [0.0] * 1600
    for odd in (np.zeros((2, 8), np.float32), np.zeros(8, np.int64), np.array(["a"])):
        with pytest.raises(ValueError, match="give floats or 16-bit integers"):
            ear.hear(odd)
