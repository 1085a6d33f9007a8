"""Pictures that nobody looks at are left out, and every wanted one is the same."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from mmerc.corpora import Clip
from mmerc.media import skipping
from mmerc.media.keeping import keep_open
from mmerc.media.skipping import WantedTimes, skip_pictures
from mmerc.media.video import read_frames, read_frames_at

RATE, COUNT = 25, 150


@pytest.fixture(scope="module", params=["libx264", "mpeg4", "mpeg2video"])
def film(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds in which every frame is another one, with three pictures between references where the codec can."""
    path = tmp_path_factory.mktemp("films") / f"{request.param}.mkv"
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (72, 96 + COUNT, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(request.param, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 96, 72, "yuv420p"
        stream.codec_context.max_b_frames, stream.codec_context.gop_size = 3, 100
        for number in range(COUNT):
            image = np.ascontiguousarray(noise[:, number : number + 96])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def count_frames(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times of the frames that are decoded from now on."""
    from mmerc.media import video

    seen: list[float] = []
    decode = video.decode_frames

    def watch(*arguments: Any) -> Any:
        for time, frame in decode(*arguments):
            seen.append(time)
            yield time, frame

    monkeypatch.setattr(video, "decode_frames", watch)
    return seen


@pytest.mark.parametrize("count", [3, 10])
def test_the_parts_of_a_film_are_the_same_and_fewer_frames_are_decoded(
    film: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = [0.0, 1.1, 2.2, 3.6, 4.7]  # 3.6: after a pause
    clips = [Clip(film, start, start + 1.1) for start in starts]
    seen = count_frames(monkeypatch)
    with keep_open():
        found = [read_frames(clip, count) for clip in clips]
    decoded = len(seen)
    assert sorted(seen) == seen  # one pass
    assert decoded < 0.85 * COUNT
    seen.clear()
    monkeypatch.setattr(skipping, "CODECS", frozenset())
    expected = [read_frames(clip, count) for clip in clips]
    assert len(seen) > 2 * decoded
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.times, other.times)
        np.testing.assert_array_equal(one.images, other.images)


def test_times_in_any_order_of_calls(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [[2.0, 2.01, 2.5], [2.5, 2.52], [0.3], [5.0, 5.9], [1.0, 1.04, 1.08]]
    with keep_open():
        found = [read_frames_at(Clip(film), times) for times in calls]
    monkeypatch.setattr(skipping, "CODECS", frozenset())
    for times, one in zip(calls, found, strict=True):
        other = read_frames_at(Clip(film), times)
        np.testing.assert_array_equal(one.times, other.times)
        np.testing.assert_array_equal(one.images, other.images)


def list_decisions(film: Path, times: list[int | None], wanted: list[float]) -> list[str]:
    """What the decoder is told before each packet; the packets' time stamps are in seconds."""
    packets = []
    for time in times:
        packet = av.Packet(4)
        packet.pts, packet.time_base = time, Fraction(1)
        packets.append(packet)
    with av.open(str(film)) as container:
        track = container.streams.video[0]
        found = skip_pictures(iter(packets), track, WantedTimes(wanted), 0.0)
        return [str(track.codec_context.skip_frame) for _ in found]


def test_which_pictures_may_be_left_out(film: Path) -> None:
    # 2.5 is shown by picture 2. Those from the last wanted time on are decoded, because the next call may want them.
    decisions = list_decisions(film, [0, 4, 2, 1, 3, 8, 6, 5, 7], [2.5, 6.0])
    skipped = [time for time, each in zip([0, 4, 2, 1, 3, 8, 6, 5, 7], decisions, strict=True) if each == "NONREF"]
    assert skipped == [0, 4, 1, 3]  # what another picture needs is decoded all the same


def test_nothing_is_left_out_where_it_is_uncertain_what_is_shown(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(list_decisions(film, [0, 1, None, 3, 4, 5], [4.0])) == {"DEFAULT"}
    assert "NONREF" in list_decisions(film, [0, 1, 2, 3, 4, 5], [4.0])
    monkeypatch.setattr(skipping, "CODECS", frozenset())
    assert set(list_decisions(film, [0, 1, 2, 3, 4, 5], [4.0])) == {"DEFAULT"}
