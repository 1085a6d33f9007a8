import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmerc.corpora import LiveRecording, Utterance
from mmerc.errors import MissingModality, NoAudio, NoVideo
from mmerc.media.live_input import read_live_frames, read_utterance_waveform


def jpeg(size: tuple[int, int], level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (level,) * 3).save(buffer, "JPEG")
    return buffer.getvalue()


def test_pictures_evenly_spaced_without_the_damaged_and_the_odd_ones() -> None:
    pictures = tuple(jpeg((64, 32), 20 * number) for number in range(8))
    frames = read_live_frames(
        LiveRecording(images=(*pictures, b"no picture", jpeg((9, 9), 0)), times=tuple(range(10))), 10
    )
    assert frames.images.shape == (8, 32, 64, 3) and frames.times.tolist() == list(range(8))
    three = read_live_frames(LiveRecording(images=pictures, times=tuple(range(8))), 3)
    assert three.times.tolist() == [0, 4, 7] and abs(int(three.images[1].mean()) - 80) <= 2
    assert read_live_frames(LiveRecording(images=pictures[:1], times=(0.0,)), 1, max_side=16).images.shape == (
        1,
        8,
        16,
        3,
    )


def test_what_is_not_there() -> None:
    for live, kind in ((LiveRecording(), NoVideo), (LiveRecording(images=(b"x",), times=(0.0,)), NoVideo)):
        with pytest.raises(kind):
            read_live_frames(live, 3)
    with pytest.raises(NoAudio, match="no microphone"):
        read_utterance_waveform(Utterance("t", 0, 0, live=LiveRecording()))
    with pytest.raises(NoAudio, match="the microphone is silent"):
        read_utterance_waveform(Utterance("t", 0, 0, live=LiveRecording(np.zeros(16_000, np.float32))))
    with pytest.raises(MissingModality, match="no clip"):
        read_utterance_waveform(Utterance("t", 0, 0))


def test_the_samples_as_they_came() -> None:
    samples = np.full(32_000, 0.25, np.float32)
    assert len(read_utterance_waveform(Utterance("t", 0, 0, live=LiveRecording(samples)), max_seconds=1.0)) == 16_000


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.float32([0.1, np.nan] * 8000), "contain NaN or infinity: remove them"),
        (np.full(16_000, 1000, np.int16), r"are int16 \[16000\] and not floats"),
        (np.full((2, 16_000), 0.1), r"are float64 \[2, 16000\] and not floats"),
        (np.full(16_000, 20_000.0), r"reach 20000, but must be in \[-1, 1\]: divide 16-bit samples by 32768"),
        (np.array(["a"] * 9), "and not floats"),
    ],
)
def test_samples_that_are_none(samples: Any, reason: str) -> None:
    with pytest.raises(NoAudio, match=f"the microphone's samples .*{reason}"):
        read_utterance_waveform(Utterance("t", 0, 0, live=LiveRecording(samples)))


def test_samples_and_pictures_as_a_program_may_hold_them() -> None:
    assert read_utterance_waveform(Utterance("t", 0, 0, live=LiveRecording(np.full(16_000, 0.25)))).dtype == np.float32
    with pytest.raises(NoVideo, match="1 times for 2 images"):
        read_live_frames(LiveRecording(images=(jpeg((9, 9), 0),) * 2, times=(0.0,)), 3)
    unchecked = LiveRecording(times=(0.0,))
    object.__setattr__(unchecked, "images", (np.zeros((9, 9, 3)),))  # types are checked while tests run, and only then
    with pytest.raises(NoVideo, match="not the bytes of JPEG or PNG"):
        read_live_frames(unchecked, 3)
