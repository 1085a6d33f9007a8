from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mmerc.client import Client, Job, ServiceError
from mmerc.client import messages as client_messages
from tests.client.service import run_service
from tests.media.clips import write_video


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with run_service("secret") as url:
        yield url


@pytest.fixture
def client(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(client_messages, "POLL_SECONDS", 0.01)
    with Client(url, token="secret") as client:
        yield client


def test_utterances(client: Client, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4")
    found = client.predict_utterance(clip, text="We won!", speaker="Ann", explain=True)
    assert found.modalities == ("text", "audio", "face") and found.speaker == "Ann" and found.influence
    first, second = (client.predict_utterance(text="We won!", conversation="kitchen") for _ in range(2))
    assert (first.utterance, second.utterance) == (0, 1) and first.probabilities == second.probabilities
    assert client.predict_utterance(clip.read_bytes()).modalities == ("audio", "face")
    assert client.get_model().labels == list(found.probabilities)


def test_a_recording(client: Client, tmp_path: Path) -> None:
    (tmp_path / "talk.srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nANN: We got the guitar!\n")
    clip, seen = write_video(tmp_path / "clip.mp4"), list[Job]()
    (found,) = client.predict_recording(clip, tmp_path / "talk.srt", on_progress=seen.append)
    assert (found.text, found.speaker, found.dialogue) == ("We got the guitar!", "ANN", "clip")
    assert all(job.is_open for job in seen)
    job = client.start_recording(clip)
    client.cancel_job(job.id)
    with pytest.raises(ServiceError, match="the recording was cancelled"):
        client_messages.get_rows(Job(id="a", state="cancelled", done=0, total=0, rows=[], problems=[], error=""))


def test_refusals(client: Client, url: str, tmp_path: Path) -> None:
    (tmp_path / "not.mp4").write_text("no film")
    with pytest.raises(ServiceError, match="cannot be read as audio or video") as refused:
        client.predict_utterance(tmp_path / "not.mp4")
    assert refused.value.status == 415
    with Client(url) as stranger, pytest.raises(ServiceError, match="the token is missing or wrong"):
        stranger.get_model()


def test_a_stream(client: Client) -> None:
    with client.stream(speaker="Ann", segmentation="client", interim=False) as stream:
        assert stream.receive(10)["type"] == "ready"
        stream.send_sound(np.zeros(8000, np.int16))
        stream.send_sound(np.full(8000, 0.5))
        stream.send_text("We won!")
        stream.end_utterance()
        found = stream.receive(10)
        assert (found["type"], found["text"], found["speaker"]) == ("prediction", "We won!", "Ann")
        stream.enrol("Bo", seconds=2)
        with pytest.raises(ServiceError, match="the speakers of this stream are not told apart"):
            stream.receive(10)
        stream.send_text("Really?", speaker="Bo", start=0.0, end=1.0)
        stream.send_image(b"no picture")
        stream.stop()
        assert [message["type"] for message in stream][:1] in (["prediction"], ["nothing"], [])
