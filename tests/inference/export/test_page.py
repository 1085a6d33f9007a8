"""The page in a browser: a person corrects labels with the keyboard alone, saves, opens and trains on them; thousands of rows."""

import csv
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import wavfile
from sklearn.metrics import accuracy_score, cohen_kappa_score

from mmerc.corpora import open_corpus
from mmerc.emotions import SEVEN
from mmerc.inference.export.document import Document
from mmerc.inference.export.timeline import write_timeline
from mmerc.model import Prediction
from mmerc.training.splits import add_selection_split
from tests.serving.browser import find_violations, open_page

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
FRAME = 1 / 30  # seconds of one thread that a frame may take


def make_rows(count: int, dialogue: str = "talk") -> list[Prediction]:
    """Predictions of a talk between Ann and Bo, of all labels in turn; every fifth is uncertain."""
    rows = []
    for number in range(count):
        label = SEVEN.names[number % 7]
        confidence = 0.4 if number % 5 == 0 else 0.7
        probabilities = dict.fromkeys(SEVEN.names, (1 - confidence) / 6) | {label: confidence}
        rows.append(
            Prediction(
                split="input", dialogue=dialogue, utterance=number, speaker=("Ann", "Bo")[number % 2], text=f"line, {number}",
                start=3.0 * number, end=3.0 * number + 2.5, emotion=label, confidence=confidence, probabilities=probabilities,
                modalities=("text",), uncertain=number % 5 == 0, model="m-1", trained_on="MELD",
            )
        )  # fmt: skip
    return rows


def write_page(folder: Path, rows: list[Prediction], recording: str = "talk.wav", *, is_kept: bool = False) -> str:
    """The address of a page. The recording is an empty file unless it `is_kept`."""
    if not is_kept:
        (folder / recording).write_bytes(b"")
    document = Document(rows, subkeys={"probabilities": SEVEN.names}, recording=folder / recording)
    write_timeline(folder / "page.html", document)
    return (folder / "page.html").as_uri()


def compute_alpha(pairs: list[tuple[str, str]]) -> float:
    """Krippendorff's alpha from its definition: observed and expected disagreement over pairs of values."""
    values = [label for pair in pairs for label in pair]
    observed = sum(a != b for a, b in pairs) / len(pairs)
    others = [(a, b) for (i, a), (j, b) in product(enumerate(values), repeat=2) if i != j]
    return 1 - observed / (sum(a != b for a, b in others) / len(others))


@pytest.fixture(scope="module")
def browser_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    """The page of 30 utterances; the recording cannot be played, which the console reports."""
    folder = tmp_path_factory.mktemp("page")
    with open_page(write_page(folder, make_rows(30)), errors=False) as page:
        yield page, folder


def save(page: Any, file: Path) -> list[dict[str, str]]:
    """Press Ctrl+S in the table."""
    with page.expect_download() as download:
        page.keyboard.press("Control+s")
    assert download.value.suggested_filename == "talk-corrections.csv"
    file.write_bytes(Path(download.value.path()).read_bytes())
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


def focus_table(page: Any) -> None:
    """Press the tabulator until the table has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('role')") == "grid":
            return
    raise AssertionError("the table cannot be reached with the tabulator")


def test_a_person_corrects_labels_with_the_keyboard_alone(browser_page: tuple[Any, Path]) -> None:
    page, folder = browser_page
    press = page.keyboard.press
    focus_table(page)
    given = {}
    for number in range(20):  # label 3, fear, and every fourth row as predicted
        press("c" if number % 4 == 0 else "3")
        given[number] = SEVEN.names[number % 7] if number % 4 == 0 else "fear"
        press("ArrowDown")
    press("1")  # by mistake
    assert "21 of 30 labels reviewed" in page.inner_text(".agreement")
    press("Control+z")
    predicted = [SEVEN.names[number % 7] for number in given]
    pairs = list(zip(predicted, given.values(), strict=True))
    kappa, alpha = cohen_kappa_score(predicted, list(given.values())), compute_alpha(pairs)
    share = accuracy_score(predicted, list(given.values()))
    assert page.inner_text(".agreement").replace("\u00a0", " ") == (
        f"20 of 30 labels reviewed. Agreement of model and annotator: accuracy {100 * share:.0f} %, Cohen's κ {kappa:.2f}, "
        f"Krippendorff's α {alpha:.2f}."
    )
    press("Home")
    press("e")
    page.keyboard.type(", really")
    press("Enter")  # back in the table
    press("s")
    press("Control+a")
    page.keyboard.type("Cleo")
    press("Enter")
    assert page.locator(".lane > b").all_inner_texts() == ["Cleo", "Bo", "Ann"]
    assert "kept in this browser, not saved as a file" in page.inner_text(".corrections")
    rows = save(page, folder / "talk-corrections.csv")
    assert "20 utterances corrected or confirmed, saved as a file" in page.inner_text(".corrections")
    assert [row["emotion"] for row in rows] == [*given.values(), *[""] * 10]
    assert (rows[0]["speaker"], rows[0]["text"], rows[0]["clip"]) == ("Cleo", "line, 0, really", "talk.wav")
    page.reload()  # the browser has kept them
    assert "20 of 30 labels reviewed" in page.inner_text(".agreement")

    corpus = open_corpus(f"table:{folder / 'talk-corrections.csv'}")
    assert [each.emotion for each in corpus.utterances("train") if each.emotion] == list(given.values())
    assert next(corpus.utterances("train")).clip is not None
    table = (folder / "talk-corrections.csv").read_text(encoding="utf-8")
    (folder / "two.csv").write_text(
        table + table.partition("\n")[2].replace("train,talk", "train,walk"), encoding="utf-8"
    )
    two = add_selection_split(open_corpus(f"table:{folder / 'two.csv'}"))  # of two dialogues one selects the checkpoint
    assert sum(each.emotion is not None for each in two.utterances("train")) == 20


def test_a_saved_file_is_opened_and_a_wrong_one_changes_nothing(browser_page: tuple[Any, Path]) -> None:
    page, folder = browser_page
    page.evaluate("localStorage.clear()")
    page.reload()
    assert "No label of 30 utterances is reviewed." in page.inner_text(".agreement")
    header = "split,dialogue,utterance,speaker,text,start,end,emotion,clip\n"

    def load(content: str) -> str:
        (folder / "c.csv").write_text(header + content, encoding="utf-8")
        page.set_input_files(".corrections input", folder / "c.csv")
        page.wait_for_function("document.querySelector('.corrections .problem').textContent")
        return str(page.inner_text(".corrections .problem"))

    said = load(
        'train,talk,1,Bo,"line, 1",3.1,5.5,joy,talk.wav\ntrain,talk,2,Ann,"line, 2",6,8.5,proud,\ntrain,talk,99,,,,,joy,\n'
    )
    assert said == (
        "1 utterance changed by c.csv. 1 row of c.csv left out, because this page does not have them: talk/99. "
        "1 label of c.csv left out, because the model does not have them: proud."
    )
    before = page.inner_text(".agreement")
    assert before.startswith("1 of 30 labels reviewed")
    page.evaluate("document.querySelector('.corrections .problem').textContent = ''")
    assert load("train,talk,1,Bo,x,3,5.5,fear,other.wav\n") == (
        "c.csv has corrections of other.wav, and this page shows talk.wav: open the page of that recording."
    )
    page.evaluate("document.querySelector('.corrections .problem').textContent = ''")
    assert "c.csv has no row of this page (its first is walk/1)" in load("train,walk,1,,,,,joy,\n")
    assert page.inner_text(".agreement") == before


def test_filters_boundaries_and_the_mouse(browser_page: tuple[Any, Path]) -> None:
    page, folder = browser_page
    page.evaluate("localStorage.clear()")
    page.reload()
    page.fill("[type=search]", "LINE, 1")
    assert "11 of 30 utterances" in page.inner_text(".filter")
    page.select_option(".filter select >> nth=1", label="Bo")
    page.select_option(".filter select >> nth=2", label="uncertain")
    expect(page.locator(".scroll tbody tr[data-index]")).to_have_count(
        1
    )  # line, 15; the table is drawn in the next frame
    page.click(".scroll tbody tr[data-index]")
    assert "line, 15" in page.inner_text(".detail blockquote")
    page.click(".labels button >> nth=5")
    assert "reviewed: sadness" in page.inner_text(".detail")
    page.fill(".editor input[type=number] >> nth=0", "50")
    page.keyboard.press("Enter")
    assert "before the end" in page.inner_text(".editor .problem")
    page.fill(".editor input[type=number] >> nth=0", "44.5")
    page.keyboard.press("Enter")
    edge = page.locator(".track [aria-pressed=true] .edge.end")
    edge.scroll_into_view_if_needed()
    box = edge.bounding_box()
    page.mouse.move(box["x"] + 3, box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + 23, box["y"] + 9, steps=3)
    page.mouse.up()
    row = save_by_button(page, folder)[15]
    assert (row["start"], row["emotion"], row["predicted"]) == ("44.5", "sadness", "disgust") and float(
        row["end"]
    ) > 47.6
    for _ in range(3):
        page.click("text=Undo")
    assert "reviewed" not in page.inner_text(".detail")


def save_by_button(page: Any, folder: Path) -> list[dict[str, str]]:
    with page.expect_download() as download:
        page.click("text=Save corrections")
    return list(csv.DictReader(Path(download.value.path()).read_text(encoding="utf-8").splitlines()))


def test_a_phone_has_labels_and_words_first(browser_page: tuple[Any, Path]) -> None:
    page, _ = browser_page
    heads = page.locator(".scroll th")
    assert heads.all_inner_texts()[:3] == ["reviewed", "utterance", "speaker"]
    page.set_viewport_size({"width": 375, "height": 800})
    expect(heads.first).to_have_text("emotion")
    assert heads.all_inner_texts()[:5] == ["emotion", "text", "speaker", "reviewed", "utterance"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(heads.first).to_have_text("reviewed")


def test_the_page_is_accessible(browser_page: tuple[Any, Path]) -> None:
    page, _ = browser_page
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert find_violations(page) == []


SCROLL = """async ([selector, step]) => {
  const node = document.querySelector(selector);
  for (let frame = 0; frame < 40; frame++) {
    if (selector === ".scroll") node.scrollTop += step;
    else node.dispatchEvent(new WheelEvent("wheel", { deltaX: step, bubbles: true, cancelable: true }));
    await new Promise(requestAnimationFrame);
  }
}"""


def test_five_thousand_utterances_scroll_and_are_printed(browser_page: tuple[Any, Path], tmp_path: Path) -> None:
    page = browser_page[0].context.browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(write_page(tmp_path, make_rows(5000)))
    assert page.locator(".scroll tbody tr").count() < 100 and page.locator(".track button").count() < 100
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable", {"timeDomain": "threadTicks"})  # other processes do not count

    def measure() -> float:
        metrics = client.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))

    for selector, step in ((".scroll", 60), (".lanes", 40)):
        before = measure()
        page.evaluate(SCROLL, [selector, step])
        assert (measure() - before) / 40 < FRAME, selector
    assert page.evaluate("document.querySelector('.scroll').scrollTop") == 2400
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".scroll tbody tr[data-index]").count() == 5000
    page.close()


def test_on_paper_no_column_is_cut_and_no_short_word_is_broken(browser_page: tuple[Any, Path], tmp_path: Path) -> None:
    page = browser_page[0].context.browser.new_page(viewport={"width": 1032, "height": 700})  # A4 without its margins
    reasons = {"audio": "nobody speaks", "face": "the face of the speaker is not seen"}
    rows = [
        row.model_copy(
            update={
                "set": tuple(SEVEN.names[:5]),
                "coverage": 0.9,
                "missing": reasons,
                "face_of": "unknown",
                "overlap": 0.125,
            }
        )
        for row in make_rows(20)
    ]
    page.goto(write_page(tmp_path, rows))
    page.emulate_media(media="print")
    for is_wide in (False, True):
        page.locator(".filter input[type=checkbox]").evaluate(
            "(box, value) => { if (box.checked !== value) box.click(); }", is_wide
        )
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        right = page.evaluate(
            "Math.max(...[...document.querySelectorAll('.scroll th')].map((cell) => cell.getBoundingClientRect().right))"
        )
        assert right <= 1032
        if not is_wide:
            heights = page.evaluate(
                "[...document.querySelectorAll('.scroll th')].map((cell) => cell.getBoundingClientRect().height)"
            )
            assert len(set(heights)) == 1 and heights[0] < 30
    page.close()


def test_a_click_on_the_waveform_moves_the_playback_and_hours_are_shown(
    browser_page: tuple[Any, Path], tmp_path: Path
) -> None:
    wavfile.write(tmp_path / "long.wav", 8_000, np.zeros(8_000 * 90, np.int16))
    rows = [row.model_copy(update={"start": row.start + 3600, "end": row.end + 3600}) for row in make_rows(3)]
    page = browser_page[0].context.browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(write_page(tmp_path, rows, recording="long.wav", is_kept=True))
    assert "1:00:00.0" in page.inner_text(".detail b")
    page.wait_for_function("document.getElementById('media').readyState > 0")
    wave = page.locator(".wave canvas").bounding_box()
    page.mouse.click(wave["x"] + wave["width"] * 45 / 3608.5, wave["y"] + 10)
    assert page.evaluate("document.getElementById('media').currentTime") == pytest.approx(45, abs=4)
    page.close()
