"""The inputs of the trials that concern sound and picture (rows 29 to 47), where they lie beside the real data."""

from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from mmerc.corpora import Clip, open_corpus
from mmerc.errors import NoAudio
from mmerc.inference.inputs import read_input
from mmerc.inference.recording import read_recording
from mmerc.media import read_frames, read_waveform
from mmerc.media.timeline import measure_duration
from mmerc.media.voice_activity import find_utterances
from mmerc.serving.uploads import check_recording

pytestmark = pytest.mark.realdata


@pytest.fixture
def trials(real_data: Path) -> Path:
    folder = real_data.parent / "trials" / "inputs"
    if not folder.is_dir():
        pytest.skip(f"the inputs of the trials do not lie at {folder}")
    return folder


def loudness(clip: Clip) -> float:
    return float(np.sqrt(np.mean(read_waveform(clip) ** 2)))


def test_row_29_a_late_sound(trials: Path) -> None:
    starts, ends = zip(*find_utterances(Clip(trials / "sound-begins-late.mp4")), strict=True)
    assert starts == pytest.approx((10, 20, 30), abs=0.1)
    assert ends == pytest.approx((14.3, 24.7, 34), abs=0.1)


def test_row_31_a_recording_of_a_browser(trials: Path) -> None:
    for name in ("mediarecorder.webm", "mediarecorder-with-duration.webm"):
        assert measure_duration(trials / name) == pytest.approx(19, abs=0.05)
        assert len(read_recording(trials / name)[0]) == 1


def test_row_32_a_header_that_is_wrong(trials: Path) -> None:
    assert measure_duration(trials / "starts-silent.mp3") == pytest.approx(11.76, abs=0.05)
    check_recording(trials / "starts-silent.mp3", 60)


def test_row_34_joined_recordings(trials: Path) -> None:
    file = trials / "joined.ts"
    assert loudness(Clip(file, 7, 9.5)) < 0.01 < 0.05 < loudness(Clip(file, 17, 19.5))


def test_row_36_a_face_that_comes_later(trials: Path) -> None:
    file = trials / "face-from-second-10.ts"
    before, after = read_frames(Clip(file, 5.5, 8.5), 4).images, read_frames(Clip(file, 11, 14), 4).images
    assert before.std() < 2 < 20 < after.std()  # one colour; a face


def test_row_38_pixels_that_are_not_square(trials: Path) -> None:
    shown, control = (
        read_frames(Clip(trials / name), 3).images for name in ("anamorphic.mp4", "anamorphic-control.mp4")
    )
    assert shown.shape == control.shape and np.abs(shown.astype(int) - control).mean() < 4


def test_row_40_the_default_track(trials: Path) -> None:
    file = trials / "second-track-speaks.mkv"
    assert loudness(Clip(file)) > 0.05
    with pytest.raises(NoAudio, match="is silent"):
        read_waveform(Clip(file, audio_track=0))


def test_row_42_channels_out_of_phase(trials: Path) -> None:
    assert loudness(Clip(trials / "out-of-phase.flac")) > 0.05


def test_row_43_the_folder_of_a_phone(trials: Path, tmp_path: Path) -> None:
    ZipFile(trials / "phone-folder.zip").extractall(tmp_path)
    dialogues, problems = read_input(str(tmp_path / "phone-folder"))
    assert len(dialogues) == 8 and not problems
    for dialogue in dialogues:
        assert dialogue.utterances[0].clip is not None and loudness(dialogue.utterances[0].clip) > 0.01


def test_rows_44_and_46_sphere_and_gif(trials: Path) -> None:
    assert loudness(Clip(trials / "nist-sphere.wav")) > 0.05
    assert read_frames(Clip(trials / "face.gif"), 12).images.shape == (4, 120, 160, 3)


def test_row_47_melds_clips_as_flac(trials: Path) -> None:
    corpus = open_corpus(f"meld:{trials / 'meld-flac'}")
    assert not corpus.problems and all(each.clip for each in corpus.utterances("dev"))
    dialogues, _ = read_input(str(trials / "meld-flac" / "dev_splits_complete"))
    assert [len(dialogue) for dialogue in dialogues] == [2]
