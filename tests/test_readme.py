"""The README and the manual are true: their commands are run, their links lead somewhere, their settings exist."""

import asyncio
import io
import re
import runpy
import shlex
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mmerc import Predictor, load_config
from mmerc.cli import app
from mmerc.corpora import Clip
from mmerc.media import SAMPLE_RATE, read_waveform
from tests.serving.service import run_service

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ON_GITHUB = "https://github.com/mmerc/mmerc/blob/main/"
RAW = "https://raw.githubusercontent.com/mmerc/mmerc/main/"  # for pictures
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(text: str) -> list[list[str]]:
    """Every `mmerc ...` line of the console blocks."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines() if line.startswith("mmerc ")]


def package_name(requirement: str) -> str:
    """The package of a requirement, without its extras and versions."""
    return re.split(r"[\s<>=!~;\[]", requirement)[0]


def names_package(page: str, name: str) -> bool:
    """Whether the first column of a table on the page has the name, as a whole word."""
    columns = re.findall(r"^\| ([^|]*)", page, re.MULTILINE)
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", column) for column in columns)


def test_its_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test"):
        assert f"make {target}" in README
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    assert "$(BIN)/mmerc demo --out demo-run" in makefile  # as `mmerc demo` of the README does by default
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_its_installation_names_extras_that_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = [extra for found in re.findall(r"pip install '[\w.]*\[([\w,]+)\]", README) for extra in found.split(",")]
    assert sorted(set(named)) == ["demo", "serve"]
    assert set(named) <= set(extras)


@pytest.mark.weights
def test_its_commands_run(small_corpus: Path, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Any] = []  # a server that would not end by itself
    monkeypatch.setattr("mmerc.serving.server.listen", lambda host, port: (host, port))
    monkeypatch.setattr(
        "mmerc.serving.server.serve", lambda application, listener, limits, **options: served.append(listener)
    )
    clip = next((small_corpus / "test").glob("*.mp4"), None) or next(small_corpus.rglob("*.mp4"))
    (subtitles := tmp_path / "talk.srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nANN: We got the guitar!\n")
    found = commands(README)
    verbs = [command[0] for command in found]
    assert verbs == ["weights", "demo", "predict", "predict", "corpus", "train", "predict", "serve"]
    trained: list[tuple[Any, ...]] = []  # the demo would take minutes
    monkeypatch.setattr("mmerc.cli.training.train", lambda *args, **kwargs: trained.append(args))
    for command in found[:2]:
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, f"{command}: {result.stderr}"
    assert trained == [("synthetic:demo-run/corpus", Path("demo-run/run"))]
    for command in found[2:]:
        if command[0] == "train":
            # The same command with a network that takes seconds.
            command = [
                *command[: command.index("--seeds")],
                "--seeds",
                "2",
                "--preset",
                "smoke",
                "--modalities",
                "text",
            ]
        paths = {
            "meld:PATH/TO/MELD": f"meld:{small_corpus}",
            "meld:PATH/TO/MELD#test": f"meld:{small_corpus}#test",
            "runs/meld": str(tmp_path / "meld"),
            "runs/meld/model": str(tmp_path / "meld" / "model"),
            "test.jsonl": str(tmp_path / "test.jsonl"),
            "demo-run/run/model": str(small_run / "model"),
            "clip.mp4": str(clip),
            "talk.mp4": str(clip),
            "talk.srt": str(subtitles),
            "talk.html": str(tmp_path / "talk.html"),
        }
        result = CliRunner().invoke(app, [paths.get(word, word) for word in command])
        assert result.exit_code == 0, f"{command}: {result.stderr}"
    assert served == [("127.0.0.1", 8000)]
    assert len((tmp_path / "test.jsonl").read_text().splitlines()) == 8
    assert "We got the guitar!" in (tmp_path / "talk.html").read_text()


@pytest.mark.weights
def test_its_python_runs(small_corpus: Path, small_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    clip = next(small_corpus.rglob("*.mp4"))
    exec(code.replace("demo-run/run/model", str(small_run / "model")).replace("clip.mp4", str(clip)), {})
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 4
    assert "'text'" in printed[2]


@pytest.mark.realdata
@pytest.mark.weights
def test_the_robots_programs_run(small_run: Path, real_data: Path) -> None:
    code, remote = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "robot.md").read_text(encoding="utf-8"), re.DOTALL
    )
    voice = read_waveform(Clip(sorted((real_data / "ravdess").rglob("*.flac"))[0]))
    sound = np.concatenate([voice, np.zeros(SAMPLE_RATE, np.float32)])
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48)).save(buffer, "JPEG")
    reactions: list[dict[str, str]] = []

    def react(emotion: str, confidence: float, missing: dict[str, str]) -> None:
        assert emotion and 0 < confidence <= 1
        reactions.append(missing)

    def devices() -> Iterator[tuple[str, Any, float]]:
        for first in range(0, len(sound), 1600):
            yield "sound", sound[first : first + 1600], first / SAMPLE_RATE
        yield "text", "You came back!", 5.0
        yield "image", buffer.getvalue(), 5.0
        yield "end", None, 5.0

    exec(code.replace("RUN/model", str(small_run / "model")), {"devices": devices, "react": react})
    assert [sorted(missing) for missing in reactions] == [["face", "text"], ["face"]]
    assert reactions[1]["face"].startswith("the camera shows no face")

    async def sent() -> AsyncIterator[tuple[str, Any]]:
        for kind, value, _ in devices():
            if kind != "end":
                yield kind, (value * 32_767).astype("<i2").tobytes() if kind == "sound" else value

    names: dict[str, Any] = {"devices": sent, "react": react}
    exec(remote, names)
    with run_service(Predictor.load(small_run / "model")) as address:
        asyncio.run(names["run"](address))
    assert [sorted(missing) for missing in reactions[2:]] == [["face", "text"], ["face"]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    inside = [
        target.removeprefix(start) for start in (ON_GITHUB, RAW) for target in targets if target.startswith(start)
    ]
    assert [target for target in inside if not (ROOT / target).exists()] == []
    relative = [target for target in targets if ":" not in target]
    assert [target for target in relative if not (page.parent / target).exists()] == []


def test_pages_that_leave_the_repository_have_absolute_links() -> None:
    """README is shown by PyPI, the manual is a site: neither has the other files of the repository."""
    for page in PAGES:
        targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
        relative = [target for target in targets if ":" not in target]
        folder = (ROOT / "docs") if page.parent.name == "docs" else None
        outside = [
            target for target in relative if folder is None or folder not in (page.parent / target).resolve().parents
        ]
        assert outside == [], f"{page.name}: write these as {ON_GITHUB}..."


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_is_left_to_be_filled_in(page: Path) -> None:
    assert not re.search(r"@[A-Z]+@|TODO|TBD", page.read_text(encoding="utf-8"))


def test_every_dependency_has_its_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    required = [
        *project["dependencies"],
        *(
            line
            for extra in project["optional-dependencies"].values()
            for line in extra
            if not line.startswith("mmerc[")
        ),
    ]
    assert sorted({name for name in map(package_name, required) if not names_package(page, name)}) == []


def test_only_whole_names_count_as_a_dependency_s_line() -> None:
    assert package_name("mkdocstrings[python]>=1.0,<2") == "mkdocstrings"
    assert package_name("types-PyYAML") == "types-PyYAML"
    assert names_package("| pytest, ruff | running |", "pytest")
    assert not names_package("| pytest-cov, torchvision | running |", "pytest")
    assert not names_package("| pytest-cov, torchvision | running |", "torch")
    assert not names_package("torch is mentioned, but not in the first column of a table", "torch")


def test_the_page_of_settings_is_up_to_date() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "make_settings.py"))["make_page"]()
    assert "| `history` | `5` | utterances read before the current one (≥ 0, ≤ 50) |" in page
    assert page == (ROOT / "docs" / "settings.md").read_text(encoding="utf-8"), "run `python docs/make_settings.py`"


def test_settings_named_in_the_manual_exist() -> None:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    overrides = re.findall(r"((?:text|audio|face|fusion|trainer)\.\w+=[\w./:-]+)", page)
    assert len(overrides) >= 20
    speech_network, signal = ["audio.encoder=pretrained"], ["audio.encoder=signal", "audio.signal=NAME"]
    names = ("backbone", "unfreeze_layers", "augmented_copies", "speaker_reference", "voice_network")
    speech_settings = [f"audio.{name}" for name in names]
    for override in overrides:
        name = override.partition("=")[0]
        needed = speech_network if name in speech_settings else signal if override in signal else []
        if name == "audio.augmented_copies":  # copies need a change, and are for a frozen backbone
            needed = [*needed, "audio.unfreeze_layers=2" if override.endswith("=0") else "audio.max_speed_change=0.1"]
        load_config("paper" if name == "audio.train_hops" else "compact", overrides=[*needed, override])
