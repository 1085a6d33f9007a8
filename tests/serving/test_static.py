"""The pages in a real browser: headless Chromium with a simulated camera and microphone."""

import csv
import io
import json
import re
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmerc.corpora import Clip, Dialogue, Utterance
from mmerc.emotions import SEVEN
from mmerc.inference.export.document import Document
from mmerc.inference.export.timeline import write_timeline
from mmerc.media import SAMPLE_RATE, read_frames, read_waveform
from mmerc.model.prediction import make_table
from mmerc.serving import create_app
from tests.serving.browser import find_violations, open_page, take_screenshots
from tests.serving.service import run_service, serve_in_thread
from tests.serving.stub import StubPredictor
from tests.speakers.test_live import LevelEncoder

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
SRT = (
    "1\n00:00:00,000 --> 00:00:01,000\nAnn: You came back!\n\n"
    "2\n00:00:01,000 --> 00:00:02,000\nBob: =SUM(1) <b>I, did\n"
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with run_service(StubPredictor()) as address:
        yield address


def read_download(page: Any, button: str) -> str:
    with page.expect_download() as download:
        page.click(button if ">>" in button else f"text={button}")
    return Path(download.value.path()).read_bytes().decode("utf-8")


def parse_numbers(table: list[list[str]]) -> list[list[str | float]]:
    """The table with numbers as numbers: 1.0 and 1 are the same cell."""
    return [[float(cell) if cell.replace(".", "").isdigit() else cell for cell in line] for line in table]


def test_a_recording_and_its_timeline(address: str, clip: Path, tmp_path: Path) -> None:
    transcript = tmp_path / "talk.srt"
    transcript.write_text(SRT)
    with open_page(f"http://{address}/") as page:
        playwright.expect(page.locator("#warning")).to_have_text("This is a stub.")
        assert "Model stub was trained on the corpus nothing." in page.inner_text("#origin")
        page.set_input_files("#file", clip)
        page.set_input_files("#transcript", transcript)
        page.check("#explain")
        page.click("#send")
        page.wait_for_selector("#timeline .track button", timeout=60_000)
        blocks = page.locator("#timeline .track button")
        assert blocks.count() == 2 and page.locator("#timeline .lane").count() == 2
        assert page.locator("#timeline .marks span").all_inner_texts() == ["0:00", "0:01", "0:02"]
        blocks.nth(1).focus()
        detail = page.inner_text("#timeline .detail")
        assert "I, did" in detail and "predicted from text, audio, face" in detail
        assert "without face: " in detail and "60\u00a0% instead of 50\u00a0% (+10 points)" in detail
        assert "without text: " in detail and "30\u00a0% instead of 50\u00a0% (−20 points)" in detail
        assert page.locator("#timeline .detail .bars i").count() == 7
        assert "2 utterances" in page.inner_text("#status")
        assert page.locator("#media").evaluate("media => media.readyState >= 1 || media.error?.code")
        take_screenshots(page, "recording")
        assert find_violations(page) == []
        page.click("#tab-live")
        assert find_violations(page) == []
        page.click("#tab-recording")
        corrections = csv.DictReader(io.StringIO(read_download(page, "Save corrections"), newline=""))
        assert {row["clip"] for row in corrections} == {clip.name}
        rows = json.loads(read_download(page, "Save as JSON"))
        table = list(csv.reader(io.StringIO(read_download(page, "Save as CSV"), newline="")))
        expected = [[str(cell) for cell in line] for line in make_table(rows, {"probabilities": SEVEN.names})]
        assert parse_numbers(table) == parse_numbers(expected)
        assert "influence_face" in table[0] and "attention_audio_to_face" in table[0]
        assert table[2][table[0].index("text")].startswith("'=SUM(1)")
        page.check("text=All columns")
        shown = page.locator("#timeline .scroll thead th").all_inner_texts()
        assert "=SUM(1) <b>I, did" not in table[2] and "=SUM(1)" in page.inner_text("#timeline .scroll tbody")
        assert shown == ["reviewed", *(name for name, *cells in zip(*expected, strict=True) if any(cells))]


def test_a_result_is_there_after_a_reload_until_it_is_deleted(address: str, clip: Path, tmp_path: Path) -> None:
    transcript = tmp_path / "talk.srt"
    transcript.write_text(SRT)
    with open_page(f"http://{address}/", errors=False) as page:  # the last reload asks for a job that is deleted
        page.set_input_files("#file", clip)
        page.set_input_files("#transcript", transcript)
        page.click("#send")
        for _ in range(2):
            page.wait_for_selector("#timeline .track button", timeout=60_000)
            assert page.is_visible("#erase") and page.is_hidden("#cancel")
            page.reload()
        page.wait_for_selector("#timeline .track button")
        assert page.is_hidden("#media")
        page.click("#erase")
        playwright.expect(page.locator("#status")).to_have_text("Deleted.")
        page.reload()
        playwright.expect(page.locator("#status")).to_contain_text("The model reads")
        assert page.locator("#timeline .track").count() == 0


def test_a_file_that_is_no_recording(address: str, tmp_path: Path) -> None:
    (tmp_path / "talk.mp4").write_text("no film")
    with open_page(f"http://{address}/", errors=False) as page:  # the console reports status 415
        page.set_input_files("#file", tmp_path / "talk.mp4")
        page.click("#send")
        playwright.expect(page.locator("#status")).to_contain_text("cannot be read as audio or video")
        assert page.is_enabled("#send")


def test_the_token_is_asked_for() -> None:
    with run_service(StubPredictor(), token="secret") as address, open_page(f"http://{address}/", errors=False) as page:
        playwright.expect(page.locator("#status")).to_contain_text("the token is missing or wrong")
        page.fill("#token", "secret")
        page.keyboard.press("Enter")
        playwright.expect(page.locator("#status")).to_contain_text("The model reads text, audio, face")
        assert page.is_hidden("#login")


def simulate_devices(folder: Path, film: Path, voice: Path) -> tuple[str, ...]:
    """Arguments of Chromium for a camera that shows the film and a microphone that hears the voice."""
    with (folder / "camera.mjpeg").open("wb") as out:
        for image in read_frames(Clip(film), 30).images:
            Image.fromarray(image).resize((320, 240)).save(out, "JPEG")
    samples = (read_waveform(Clip(voice)) * 32767).astype("<i2")
    with wave.open(str(folder / "microphone.wav"), "wb") as out_wave:
        out_wave.setnchannels(1)
        out_wave.setsampwidth(2)
        out_wave.setframerate(SAMPLE_RATE)
        out_wave.writeframes(samples.tobytes() + bytes(2 * SAMPLE_RATE))
    return (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={folder / 'camera.mjpeg'}",
        f"--use-file-for-fake-audio-capture={folder / 'microphone.wav'}",
    )


def test_text_with_camera_and_microphone(address: str, clip: Path, tmp_path: Path) -> None:
    with open_page(f"http://{address}/", arguments=simulate_devices(tmp_path, clip, clip)) as page:
        page.click("#tab-live")
        page.fill("#speaker", "Ann")
        page.click("#start")
        # The simulated microphone speaks at once, so "Listening" may be shown too briefly to be seen.
        heard = re.compile("Listening|A voice is heard")
        playwright.expect(page.locator("#live-status")).to_contain_text(heard, timeout=30_000)
        page.wait_for_timeout(2500)
        page.fill("#text", "You came back!")
        page.keyboard.press("Enter")
        item = page.locator("#predictions li", has_text="You came back!")
        item.wait_for(timeout=60_000)
        assert "text, audio, face" in item.inner_text() and item.locator(".who").inner_text() == "Ann"
        assert not page.is_visible("#enrol-form")  # this service does not tell voices apart
        assert page.locator("#latest .bars i").count() == 7
        assert "without text: " in page.inner_text("#latest")
        saved = json.loads(read_download(page, "#live-downloads button >> text=Save as JSON"))
        assert "You came back!" in [row["text"] for row in saved] and "final" not in saved[0]
        take_screenshots(page, "live")
        page.click("#stop")
        playwright.expect(page.locator("#live-status")).to_have_text("Stopped.")
        assert page.is_enabled("#start")


def test_a_voice_gets_a_name(clip: Path, tmp_path: Path) -> None:
    app = create_app(StubPredictor(), voice_encoder=LevelEncoder())
    with (
        serve_in_thread(app) as address,
        open_page(f"http://{address}/", arguments=simulate_devices(tmp_path, clip, clip)) as page,
    ):
        page.click("#tab-live")
        page.uncheck("#use-camera")
        page.click("#start")
        page.fill("#enrol-name", "Bo")
        page.keyboard.press("Enter")
        playwright.expect(page.locator("#live-status")).to_contain_text("Listening to the voice of Bo")
        assert page.input_value("#enrol-name") == "" and find_violations(page) == []


@pytest.mark.realdata
def test_a_voice_is_predicted_when_it_pauses(address: str, clip: Path, real_data: Path, tmp_path: Path) -> None:
    voice = sorted((real_data / "ravdess").rglob("*.flac"))[0]
    with open_page(f"http://{address}/", arguments=simulate_devices(tmp_path, clip, voice)) as page:
        page.click("#tab-live")
        page.uncheck("#use-camera")
        page.click("#start")
        page.wait_for_selector("#predictions li", timeout=60_000)
        text = page.locator("#predictions li").last.inner_text()
        assert "audio" in text and "face" not in text


def test_the_timeline_as_a_file(tmp_path: Path) -> None:
    lines = [
        ("Ann", "You came back!"), ("Bo", "I never left."), ("", "=HYPERLINK(\"x\")"), ("Ann", None),
        ("Bo", "Is that not what you said when we met at the station, and do you not know it very well?"),
    ]  # fmt: skip
    utterances = tuple(
        Utterance("input", "talk", number, speaker=speaker, text=text, start=3.0 * number, end=3.0 * number + 2.5)
        for number, (speaker, text) in enumerate(lines)
    )
    predictions = list(StubPredictor().predict([Dialogue("input", "talk", utterances)], explain=True))
    document = Document(predictions, subkeys={"probabilities": SEVEN.names})
    write_timeline(tmp_path / "page.html", document)
    with open_page((tmp_path / "page.html").as_uri()) as page:
        assert page.locator(".lane b").all_inner_texts() == ["Ann", "Bo", "unknown speaker"]
        page.locator(".track button").nth(1).focus()  # the second block of the first speaker
        detail = page.inner_text(".detail")
        assert "no modality could be read" in detail and "not enough evidence: " in detail
        page.locator(".track button.uncertain").focus()
        assert re.search(r"uncertain: \w+ or \w+ \(prediction set at 90\s% coverage\)", page.inner_text(".detail"))
        page.locator(".track button").first.focus()
        assert re.search(r"only \w+ \(prediction set at 90\s% coverage\)", page.inner_text(".detail"))
        assert page.locator(".track button.none").count() == page.locator(".track button.uncertain").count() == 1
        assert page.locator(".warning").all_inner_texts() == ["This is a stub."]
        rows = json.loads(read_download(page, "Save as JSON"))
        assert [list(row.items()) for row in rows] == [list(row.items()) for row in document.rows]
        assert "'=HYPERLINK" in read_download(page, "Save as CSV")
        take_screenshots(page, "timeline")
