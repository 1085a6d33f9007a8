from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from mmerc.corpora import Clip
from mmerc.errors import ConfigError, WeightsError
from mmerc.media import SAMPLE_RATE
from mmerc.speakers.diarization import Diarizer, label_windows, load_diarizer, split_stretch
from mmerc.speakers.pyannet import STEP
from mmerc.speakers.segmentation import Segmentation, Segmenter
from mmerc.speakers.voice_encoder import SIZE, VoiceEncoder, place_windows
from tests.media.clips import write_wav

VOICES = np.eye(SIZE, dtype=np.float32)


class LevelEncoder(VoiceEncoder):
    """The vector of a window says how loud it is: below 0.2 one voice, above it another one."""

    def embed_stretches(self, stretches: Sequence[np.ndarray]) -> list[np.ndarray]:
        found = []
        for stretch in stretches:
            windows = place_windows(len(stretch))
            loud = [int(np.abs(stretch[first:last]).mean() > 0.2) for first, last in windows]
            found.append(VOICES[loud])
        return found


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A quiet and a loud voice in turns of two seconds, with pauses of half a second; the last 6 s have no pause."""
    parts = [np.full(32_000, 0.1 if turn % 2 == 0 else 0.4) for turn in range(8)]
    pauses = [np.zeros(8_000)] * 8
    end = [np.full(48_000, 0.1), np.full(48_000, 0.4)]
    samples = np.concatenate([each for pair in zip(parts, pauses, strict=True) for each in pair] + end)
    return write_wav(tmp_path / "talk.wav", samples[None])


STRETCHES = [(2.5 * turn, 2.5 * turn + 2) for turn in range(8)]


def test_speakers_are_numbered_as_they_speak_first_and_change_within_a_stretch(talk: Path) -> None:
    heard: list[float] = []
    turns = Diarizer(LevelEncoder(), num_speakers=2).find_turns(Clip(talk), [*STRETCHES, (20.0, 26.0)], heard.append)
    assert [turn.speaker for turn in turns] == ["speaker 1", "speaker 2"] * 5
    assert [turn[:2] for turn in turns[:8]] == STRETCHES and heard[-1] == 26.0
    assert (turns[-2].start, turns[-1].end) == (20.0, 26.0)
    assert turns[-2].end == turns[-1].start == pytest.approx(23.0, abs=0.6)
    assert Diarizer(LevelEncoder()).find_turns(Clip(talk), []) == []


def test_names_are_given_in_order_and_the_log_says_which_are_left(talk: Path, caplog: pytest.LogCaptureFixture) -> None:
    turns = Diarizer(LevelEncoder(), 2, ("Ann", "Bob", "Cem")).find_turns(Clip(talk), STRETCHES)
    assert [turn.speaker for turn in turns] == ["Ann", "Bob"] * 4
    assert caplog.messages == [
        "talk.wav: 2 speakers are found, none for Cem; if they all speak, give their number with --speakers"
    ]


def test_a_known_voice_has_its_name(talk: Path, caplog: pytest.LogCaptureFixture) -> None:
    turns = Diarizer(LevelEncoder(), 2, voices={"Bob": VOICES[1]}).find_turns(Clip(talk), STRETCHES)
    assert [turn.speaker for turn in turns[:2]] == ["speaker 1", "Bob"] and not caplog.messages


def test_a_stretch_without_samples_is_still_a_turn(talk: Path) -> None:
    turns = Diarizer(LevelEncoder(), 2).find_turns(Clip(talk), [*STRETCHES, (90.0, 90.5)])
    assert len(turns) == 9 and turns[-1][:2] == (90.0, 90.5)


def test_a_short_piece_goes_to_the_nearest_speaker() -> None:
    vectors = [VOICES[[0]], VOICES[[1]], VOICES[[0]], 0.9 * VOICES[[1]] + 0.1 * VOICES[[2]]]
    labels = label_windows(vectors, [2.0, 2.0, 2.0, 0.4], 2)
    assert labels[3].tolist() == labels[1].tolist() != labels[0].tolist() == labels[2].tolist()


def test_the_parts_of_a_stretch_cover_it() -> None:
    assert list(split_stretch(1.0, 3.0, np.array([4]))) == [(1.0, 3.0, 4)]
    parts = list(split_stretch(0.0, 4.0, np.array([0, 0, 1, 1, 0])))
    assert [label for _, _, label in parts] == [0, 1, 0]
    assert parts[0][0] == 0.0 and parts[-1][1] == 4.0 and parts[0][1] == parts[1][0] and parts[1][1] == parts[2][0]


def test_without_weights_nothing_is_separated_unless_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path))
    monkeypatch.delenv("MMERC_WEIGHTS", raising=False)
    assert load_diarizer() is None
    with pytest.raises(WeightsError, match="run `mmerc weights fetch voice-encoder`"):
        load_diarizer(2)


def test_numbers_and_names_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="0 speakers cannot be found: give a number from 1"):
        load_diarizer(0)
    for names in (["Ann", "Ann"], ["Ann", " "]):
        with pytest.raises(ConfigError, match="are not all different, or one is empty"):
            load_diarizer(names=names)
    with pytest.raises(ConfigError, match="there are 3 names for 2 speakers"):
        load_diarizer(2, ["Ann", "Bob", "Cem"])
    with pytest.raises(ConfigError, match="names and voices both name the speakers"):
        load_diarizer(names=["Ann"], voices=tmp_path)


def test_a_segmenter_cuts_a_short_stretch(talk: Path) -> None:
    class OneChange(Segmenter):
        def segment(self, clip: Clip, on_progress: Callable[[float], None] = lambda seconds: None) -> Segmentation:
            change = np.zeros(2_000)
            change[round(21.0 * SAMPLE_RATE / STEP)] = 1.0
            return Segmentation(change)

    stretches = [*STRETCHES, (20.0, 22.0)]
    cut = Diarizer(LevelEncoder(), 2, segmenter=OneChange()).find_turns(Clip(talk), stretches)
    assert len(Diarizer(LevelEncoder(), 2).find_turns(Clip(talk), stretches)) == 9 and len(cut) == 10
    assert cut[-2].end == cut[-1].start == pytest.approx(21.0, abs=0.05)
