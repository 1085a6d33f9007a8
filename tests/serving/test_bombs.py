"""Small uploads that would need much memory or time."""

import json
import struct
import time
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmerc.corpora.transcripts import ENDINGS
from mmerc.serving import Limits, create_app
from tests.serving.conftest import wait_for_job
from tests.serving.stub import StubPredictor

URL = "/v1/conversations"
GIF_HEAD = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff"
GIF_FRAME = b"\x21\xf9\x04\x04\x01\x00\x00\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00"  # 10 ms


def make_png(width: int, height: int) -> bytes:
    """A PNG whose header promises this size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(10_000)))
        + chunk(b"IEND", b"")
    )


def make_huge_video(path: Path, width: int, height: int) -> bytes:
    """One frame of grey."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((height * 3 // 2, width), np.uint8), "yuv420p")
        out.mux(stream.encode(frame.reformat(format="yuvj420p")))
        out.mux(stream.encode(None))
    return path.read_bytes()


def test_a_frame_that_is_too_large_is_refused(client: TestClient, tmp_path: Path) -> None:
    with TestClient(create_app(StubPredictor())) as large:
        content = make_huge_video(tmp_path / "huge.mkv", 10_000, 5_100)
        refused = large.post(URL, files={"recording": content})
    assert refused.status_code == 415 and "frames of 10000x5100 pixels" in refused.json()["detail"]
    picture = client.post("/v1/utterances", files={"clip": make_png(60_000, 60_000)})
    assert picture.status_code == 200  # what cannot be read is missing; the stub reads nothing


def test_a_file_of_very_many_frames_is_read_only_as_far_as_it_may_go(client: TestClient) -> None:
    content = GIF_HEAD + 20_000 * GIF_FRAME + b";"  # 200 s
    started = time.monotonic()
    refused = client.post("/v1/utterances", files={"clip": content})
    assert refused.status_code == 413 and "more than 5 s" in refused.json()["detail"]
    assert time.monotonic() - started < 5


def test_a_transcript_that_is_too_large(clip: Path, temporary_folder: Path) -> None:
    with TestClient(create_app(StubPredictor(), limits=Limits(max_transcript_bytes=1000))) as client:
        files = {"recording": clip.read_bytes(), "transcript": ("talk.srt", b"x" * 1001)}
        assert client.post(URL, files=files).status_code == 413
    assert list(temporary_folder.iterdir()) == []


def test_deep_json_and_very_many_cues(clip: Path, temporary_folder: Path) -> None:
    limits = Limits(max_recording_utterances=1000)
    many = json.dumps([{"start": n / 1e4, "end": 1.0, "text": "a"} for n in range(2000)])
    with TestClient(create_app(StubPredictor(), limits=limits)) as client:
        for content, words in (("[" * 100_000, "talk"), (many, "more than 1000 utterances")):
            files = {"recording": clip.read_bytes(), "transcript": ("talk.json", content)}
            job = wait_for_job(client, client.post(URL, files=files).json()["url"])
            assert job["state"] == "failed" and (words in job["error"] or "JSON" in job["error"]), job
        with client.websocket_connect("/v1/stream") as socket:
            socket.send_text("[" * 100_000)
            assert "not JSON" in socket.receive_json()["detail"]


@given(suffix=st.sampled_from(sorted(ENDINGS)), content=st.binary(max_size=300))
@settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_no_transcript_makes_a_job_break_down(clip: Path, client: TestClient, suffix: str, content: bytes) -> None:
    files = {"recording": clip.read_bytes(), "transcript": (f"talk{suffix}", content)}
    job = wait_for_job(client, client.post(URL, files=files).json()["url"])
    assert job["state"] in ("done", "failed") and "its log has the details" not in job["error"]


@pytest.mark.parametrize("content", [b"", b"\x00" * 5000, GIF_HEAD, b"RIFF\xff\xff\xff\x7fWAVEfmt " + bytes(40)])
def test_damaged_recordings_are_refused(client: TestClient, content: bytes) -> None:
    response = client.post(URL, files={"recording": content})
    assert response.status_code in (202, 415)
    if response.status_code == 202:
        assert "its log has the details" not in wait_for_job(client, response.json()["url"])["error"]
