"""Single utterances over HTTP."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mmerc import Predictor
from mmerc.serving import Limits, create_app
from tests.media.clips import write_video
from tests.serving.stub import StubPredictor

URL = "/v1/utterances"


def test_a_text_and_a_clip_with_text(client: TestClient, clip: Path) -> None:
    alone = client.post(URL, data={"text": "You came back!", "speaker": "Ann"}).json()
    assert alone["modalities"] == ["text"] and alone["speaker"] == "Ann" and "influence" not in alone
    assert alone["missing"] == {"audio": "there is no audio", "face": "there is no face"}
    both = client.post(URL, data={"text": "Hello."}, files={"clip": clip.read_bytes()}).json()
    assert both["modalities"] == ["text", "audio", "face"] and both["missing"] == {}
    assert sum(both["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert both["confidence"] == both["probabilities"][both["emotion"]] == 0.5


def test_a_conversation_is_stored_under_its_name(client: TestClient) -> None:
    data = {"text": "Oh no.", "conversation": "kitchen", "explain": "true"}
    rows = [client.post(URL, data=data).json() for _ in range(3)]
    assert [row["utterance"] for row in rows] == [0, 1, 2] and rows[0]["dialogue"] == "kitchen"
    assert client.post(URL, data=data | {"conversation": "hall"}).json()["utterance"] == 0
    assert rows[1]["influence"] == {"text": 0.2}


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        ({}, "there is neither a clip nor a text: send one of them as multipart/form-data."),
        ({"text": "  "}, "there is neither a clip nor a text: send one of them as multipart/form-data."),
        ({"text": "a", "conversation": "../../etc"}, "conversation: string should match pattern '^[A-Za-z0-9_.-]{1,64}$'."),
        ({"text": "x" * 20_000}, "text: string should have at most 10000 characters."),
        ({"clip": "x"}, "clip: this is text and not a file: send the file itself (curl -F name=@file)."),
    ],
)  # fmt: skip
def test_an_invalid_request_is_one_sentence(client: TestClient, data: dict[str, str], detail: str) -> None:
    response = client.post(URL, data=data)
    assert (response.status_code, response.json()) == (422, {"detail": detail})


def test_no_medium_too_long_and_too_large(client: TestClient, tmp_path: Path) -> None:
    def send(content: bytes) -> Any:
        return client.post(URL, files={"clip": ("../../../etc/passwd", content)})

    assert send(b"no film").status_code == 415
    assert send(b"no film").json()["detail"].startswith("the file cannot be read as audio or video: ")
    assert send(bytes(600_000)).status_code == 413
    long = write_video(tmp_path / "long.mp4", frames=72).read_bytes()
    assert send(long).json()["detail"] == "the recording takes more than 5 s: send a part of it."


def test_an_utterance_that_takes_too_long_leaves_nothing_behind(clip: Path, temporary_folder: Path) -> None:
    release = threading.Event()
    predictor = StubPredictor(before=lambda: release.wait(10) and None)
    with TestClient(create_app(predictor, limits=Limits(prediction_timeout_seconds=0.2))) as client:
        for _ in range(3):
            response = client.post(URL, files={"clip": clip.read_bytes()}, data={"conversation": "kitchen"})
            assert response.status_code == 504
        release.set()
    assert list(temporary_folder.iterdir()) == []


def test_half_characters_are_predicted_or_refused(client: TestClient) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\na\\ud800\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b; charset=unicode_escape"}
    assert client.post(URL, content=body, headers=headers).status_code in (200, 400, 422)


def test_an_utterance_without_text_is_transcribed(clip: Path, temporary_folder: Path) -> None:
    def transcribe(samples: Any) -> str:
        return f"{len(samples) / 16_000:.0f} seconds"

    with TestClient(create_app(StubPredictor(), transcriber=transcribe)) as client:
        without = client.post(URL, files={"clip": clip.read_bytes()}).json()
        own = client.post(URL, files={"clip": clip.read_bytes()}, data={"text": "Hello."}).json()
    assert (without["text"], own["text"]) == ("2 seconds", "Hello.")


@pytest.fixture(scope="module")
def trained(small_run: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Predictor.load(small_run / "model"))) as client:
        yield client


def test_a_trained_model_predicts(trained: TestClient, small_corpus: Path) -> None:
    clip = sorted((small_corpus / "train_splits").iterdir())[0]
    row = trained.post(URL, data={"text": "Hi!", "explain": "true"}, files={"clip": clip.read_bytes()}).json()
    assert row["modalities"] == ["text", "audio", "face"] == list(row["influence"])


def test_concurrent_clients_get_the_predictions_that_they_get_alone(trained: TestClient) -> None:
    texts = [f"What a day number {number}!" for number in range(12)]

    def predict(text: str) -> dict[str, float]:
        return dict(trained.post(URL, data={"text": text}).json()["probabilities"])

    alone = [predict(text) for text in texts]
    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(predict, texts))
    for one, other in zip(alone, together, strict=True):
        assert other == pytest.approx(one, abs=1e-3)
