"""Models on the hub, as its own library finds them in its cache; nothing is fetched from anywhere."""

import shutil
from pathlib import Path

import pytest

from mmerc.errors import WeightsError
from mmerc.inference import Predictor
from mmerc.model.hub import find_model_folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cached(small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small model as the hub's library keeps it, and no network."""
    from huggingface_hub import constants

    model = tmp_path / "models--lab--tiny"
    shutil.copytree(small_run / "model", model / "snapshots" / COMMIT)
    for branch in ("main", "v1"):
        (model / "refs").mkdir(exist_ok=True)
        (model / "refs" / branch).write_text(COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return model / "snapshots" / COMMIT


@pytest.mark.parametrize("place", ["lab/tiny", "hub:lab/tiny", "lab/tiny@v1"])
def test_a_model_that_was_fetched_before(cached: Path, place: str) -> None:
    assert find_model_folder(place) == cached
    assert Predictor.load(place).predict_text("You came back!").modalities == ("text",)


def test_what_lies_here_wins(cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab").mkdir()
    assert find_model_folder("lab/tiny") == Path("lab/tiny")  # a mistyped path is no reason to ask strangers
    assert find_model_folder("hub:lab/tiny") == cached


@pytest.mark.parametrize("place", ["../tiny", "/etc/passwd", "tiny", "a/b/c", "hub:../x", "lab/tiny@", "lab\n/tiny"])
def test_what_is_no_name_on_the_hub_is_a_path(place: str) -> None:
    assert find_model_folder(place) == Path(place)


def test_what_is_nowhere(cached: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"lab/other is no folder .* cannot be downloaded from the hub .*: check its name"
    ):
        find_model_folder("lab/other")
