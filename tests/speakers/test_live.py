"""Changes of the speaker in sound that is coming in, with an encoder that reads the voice from the level of the sound."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from mmerc import weights
from mmerc.corpora import Clip
from mmerc.media import SAMPLE_RATE, read_waveform
from mmerc.speakers.live import LiveSpeakers, find_change, find_encoder, find_quietest, locate_change
from mmerc.speakers.turns import Turn
from mmerc.speakers.voice_encoder import VoiceEncoder


class LevelEncoder(VoiceEncoder):
    """A stub of the network: each level of the sound is a voice of its own, and a window of several is a mixture."""

    LEVELS = (0.1, 0.2, 0.3)

    def __init__(self) -> None:
        nn.Module.__init__(self)  # without the layers
        self.count = 0  # of the windows

    def embed_stretches(self, stretches: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.count += len(stretches)
        shares = [np.array([np.isclose(each, level).mean() for level in self.LEVELS]) for each in stretches]
        return [(share / max(float(np.linalg.norm(share)), 1e-6))[None] for share in shares]


def make_sound(*parts: tuple[float, float]) -> np.ndarray:
    return np.concatenate([np.full(round(seconds * SAMPLE_RATE), level, np.float32) for level, seconds in parts])


def follow(speakers: LiveSpeakers, sound: np.ndarray, start: float = 0.0) -> list[Turn]:
    """The turns of sound that comes in half seconds."""

    def read(first: float, last: float) -> np.ndarray:
        return sound[: round(now * SAMPLE_RATE)][round(first * SAMPLE_RATE) : round(last * SAMPLE_RATE)]

    turns, now, end = [], start, len(sound) / SAMPLE_RATE
    while now < end:
        now = min(now + 0.5, end)
        speakers.hear(read(now - 0.5, now), now)
        found = speakers.follow(read, start, now, has_ended=now == end)
        turns += found
        start = found[-1].end if found else start
    return turns


@pytest.fixture
def speakers() -> LiveSpeakers:
    return LiveSpeakers(LevelEncoder())


def test_a_change_of_the_voice_ends_a_turn(speakers: LiveSpeakers) -> None:
    turns = follow(speakers, make_sound((0.1, 4), (0.2, 3), (0.1, 3)))
    assert [turn.speaker for turn in turns] == ["speaker 1", "speaker 2", "speaker 1"]
    assert [turn.end for turn in turns] == pytest.approx([4, 7, 10], abs=0.5)
    assert [turn.start for turn in turns] == [0, *(turn.end for turn in turns[:-1])]


def test_one_voice_is_one_turn(speakers: LiveSpeakers) -> None:
    assert follow(speakers, make_sound((0.1, 11))) == [Turn(0, 11, "speaker 1")]
    assert follow(speakers, make_sound((0.0, 12), (0.1, 0.6)), start=12.0) == [Turn(12, 12.6, "speaker 1")]


def test_a_busy_computer_reads_only_the_end_of_a_turn() -> None:
    encoder = LevelEncoder()
    assert follow(LiveSpeakers(encoder, is_busy=lambda: True), make_sound((0.1, 6), (0.2, 3))) == [
        Turn(0, 9, "speaker 1")
    ]
    assert encoder.count == 1


def test_the_last_words_may_be_another_speaker(speakers: LiveSpeakers) -> None:
    turns = follow(speakers, make_sound((0.1, 4), (0.2, 1.7)))
    assert [turn.speaker for turn in turns] == ["speaker 1", "speaker 2"]


def test_the_guess_before_the_end(speakers: LiveSpeakers) -> None:
    sound = make_sound((0.1, 3))
    assert speakers.guess() == ""
    speakers.follow(lambda first, last: sound[round(first * SAMPLE_RATE) : round(last * SAMPLE_RATE)], 0.0, 2.0)
    assert speakers.guess() == "speaker 1" and len(speakers.known) == 0


def test_the_next_seconds_are_a_person(speakers: LiveSpeakers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmerc.speakers.live.find_speech", lambda samples: [(0, len(samples))])
    speakers.enrol_next("Ann", 3.0)
    turns = follow(speakers, make_sound((0.1, 4), (0.2, 4), (0.1, 4)))
    assert [turn.speaker for turn in turns] == ["Ann", "speaker 1", "Ann"]
    (enrolment,) = speakers.take_enrolments()
    assert (enrolment.name, enrolment.seconds, enrolment.problem) == ("Ann", 3.0, "")
    assert speakers.take_enrolments() == []


def test_a_sample_without_a_voice(speakers: LiveSpeakers) -> None:
    enrolment = speakers.enrol("Ann", np.zeros(SAMPLE_RATE, np.float32))
    assert enrolment.problem == "nobody speaks in the sample of Ann: send some seconds of speech."
    assert len(speakers.known) == 0


def test_a_change_needs_windows_that_do_not_overlap() -> None:
    centres, ann, bo = np.array([0.75, 1.25, 1.75, 2.25]), [1.0, 0.0], [0.0, 1.0]
    assert find_change(centres[:3], np.array([ann, ann, bo])) is None
    found = find_change(centres, np.array([ann, ann, ann, bo]))
    assert found is not None and np.array_equal(found[0], ann) and np.array_equal(found[1], bo)
    assert find_change(centres, np.array([ann] * 4)) is None
    assert locate_change(centres, np.array([-0.1, -0.2, -0.1, -0.5])) is None  # no window is nearer to the first voice


def test_the_quietest_place() -> None:
    assert find_quietest(make_sound((0.3, 0.4), (0.0, 0.2), (0.3, 0.4))) == pytest.approx(0.5, abs=0.03)
    assert find_quietest(np.zeros(0, np.float32)) == 0.0


def test_without_the_weights_the_speakers_are_not_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path))
    monkeypatch.delenv("MMERC_WEIGHTS", raising=False)
    assert find_encoder("off") is None and not caplog.records
    assert find_encoder("auto") is None
    assert "`mmerc weights fetch voice-encoder`" in caplog.text


@pytest.mark.realdata
def test_two_actors_without_a_pause(real_data: Path) -> None:
    if weights.find("voice-encoder") is None:
        pytest.skip("needs `mmerc weights fetch voice-encoder`")
    encoder = find_encoder("auto")
    assert encoder is not None
    names = ("17/03-01-01-01-01-01-17", "22/03-01-01-01-01-01-22", "17/03-01-01-01-02-01-17", "22/03-01-01-01-02-01-22")
    parts = []
    for name in names:
        voice = read_waveform(Clip(real_data / "ravdess" / f"Actor_{name}.flac"))
        speech = voice[np.flatnonzero(np.abs(voice) > 0.02 * np.abs(voice).max())[[0]][0] :][: 2 * SAMPLE_RATE]
        parts += [speech, speech]  # two seconds, twice
    turns = follow(LiveSpeakers(encoder), np.concatenate(parts).astype(np.float32))
    assert len({turn.speaker for turn in turns}) == 2
    middles = [sum(2 * len(part) for part in parts[: 2 * index : 2]) + len(parts[2 * index]) for index in range(4)]
    at = [
        next(turn.speaker for turn in turns if turn.start * SAMPLE_RATE <= middle < turn.end * SAMPLE_RATE)
        for middle in middles
    ]
    assert at == ["speaker 1", "speaker 2"] * 2
