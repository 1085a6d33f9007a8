"""The page in a real browser: headless Chromium with a fake camera and microphone.

Where there is no Chromium, `apt-get install chromium` is tried once; where that fails too the tests are skipped.
"""

import os
import shutil
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmerc import Predictor
from mmerc.corpora import Clip
from mmerc.media import SAMPLE_RATE, read_frames, read_waveform
from tests.serving.service import running

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
PICTURES = os.environ.get("MMERC_SCREENSHOTS", "")  # a folder: what the tests saw is kept there to be looked at


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium")
    if found is None and os.geteuid() == 0:
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], capture_output=True, check=False)
        found = shutil.which("chromium")
    if found is None:
        pytest.skip("there is no chromium here: apt-get install chromium")
    return found


@pytest.fixture(scope="module")
def address(small_run: Path) -> Iterator[str]:
    with running(Predictor.load(small_run / "model")) as address:
        yield address


@pytest.fixture(scope="module")
def clip(small_corpus: Path) -> Path:
    return sorted((small_corpus / "train_splits").iterdir())[0]


def keep(page: Any, name: str) -> None:
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


def test_a_recording_is_dropped_and_its_timeline_read(chromium: str, address: str, clip: Path, tmp_path: Path) -> None:
    words = tmp_path / "said.srt"
    words.write_text(
        "1\n00:00:00,000 --> 00:00:01,000\nAnn: You came back!\n\n2\n00:00:01,000 --> 00:00:02,000\nBob: <b>I did\n"
    )
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.goto(f"http://{address}/")
        page.set_input_files("#file", clip)
        page.set_input_files("#transcript", words)
        page.check("#explain")
        page.click("#send")
        page.wait_for_selector("#timeline .track button", timeout=60_000)
        blocks = page.locator("#timeline .track button")
        assert blocks.count() == 2 and page.locator("#timeline .lane").count() == 2
        assert page.locator("#timeline .marks span").all_inner_texts() == ["0:00", "0:01", "0:02"]
        blocks.nth(1).focus()
        assert "I did" in page.inner_text("#timeline .detail")
        assert page.locator("#timeline .detail .bars i").count() == 7
        assert "2 utterances" in page.inner_text("#state")
        assert page.locator("#media").evaluate("media => media.readyState >= 1 || media.error?.code")
        keep(page, "recording")
        with page.expect_download() as download:
            page.click("text=Save as CSV")
        saved = Path(download.value.path()).read_text().splitlines()
        assert len(saved) == 3 and saved[0].startswith("split,dialogue,utterance,speaker,text")
        page.keyboard.press("Tab")
        page.emulate_media(color_scheme="dark")
        keep(page, "recording-dark")
        assert wrong == []
        browser.close()


def test_what_is_no_recording_is_said_in_a_sentence(chromium: str, address: str, tmp_path: Path) -> None:
    (tmp_path / "talk.mp4").write_text("no film")
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://{address}/")
        page.set_input_files("#file", tmp_path / "talk.mp4")
        page.click("#send")
        playwright.expect(page.locator("#state")).to_contain_text("no audio or video")
        assert page.is_enabled("#send")
        browser.close()


def fakes(folder: Path, film: Path, voice: Path) -> list[str]:
    """Chromium's switches for a camera that shows the film and a microphone that hears the voice."""
    with (folder / "camera.mjpeg").open("wb") as out:
        for image in read_frames(Clip(film), 30).images:
            Image.fromarray(image).resize((320, 240)).save(out, "JPEG")
    samples = (read_waveform(Clip(voice)) * 32767).astype("<i2")
    with wave.open(str(folder / "microphone.wav"), "wb") as out_wave:
        out_wave.setnchannels(1)
        out_wave.setsampwidth(2)
        out_wave.setframerate(SAMPLE_RATE)
        out_wave.writeframes(samples.tobytes() + bytes(2 * SAMPLE_RATE))
    return [
        "--no-sandbox",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={folder / 'camera.mjpeg'}",
        f"--use-file-for-fake-audio-capture={folder / 'microphone.wav'}",
    ]


def test_words_beside_camera_and_microphone(chromium: str, address: str, clip: Path, tmp_path: Path) -> None:
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=fakes(tmp_path, clip, clip))
        page = browser.new_page()
        page.goto(f"http://{address}/")
        page.click("#tab-live")
        page.fill("#speaker", "Ann")
        page.click("#start")
        playwright.expect(page.locator("#live-state")).to_contain_text("Listening", timeout=30_000)
        page.wait_for_timeout(2500)
        page.fill("#words", "You came back!")
        page.keyboard.press("Enter")
        item = page.locator("#answers li", has_text="You came back!")
        item.wait_for(timeout=60_000)
        said = item.inner_text()
        assert "text" in said and "face" in said
        assert page.locator("#now .bars i").count() == 7
        keep(page, "live")
        page.click("#stop")
        playwright.expect(page.locator("#live-state")).to_have_text("Stopped.")
        assert page.is_enabled("#start")
        browser.close()


@pytest.mark.realdata
def test_a_voice_is_answered_when_it_ends(
    chromium: str, address: str, clip: Path, real_data: Path, tmp_path: Path
) -> None:
    voice = sorted((real_data / "ravdess").rglob("*.flac"))[0]
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=fakes(tmp_path, clip, voice))
        page = browser.new_page()
        page.goto(f"http://{address}/")
        page.click("#tab-live")
        page.uncheck("#use-camera")
        page.click("#start")
        page.wait_for_selector("#answers li", timeout=60_000)
        said = page.locator("#answers li").last.inner_text()
        assert "audio" in said and "face" not in said
        keep(page, "live-voice")
        browser.close()
