import json
import pickle
import shutil
from pathlib import Path

import pytest

from mmerc.errors import RunError, WeightsError
from mmerc.model.folder import load_encoder, load_fusion


def test_the_parts_come_back(small_run: Path) -> None:
    fusion = load_fusion(small_run / "model" / "fusion")
    widths = {name: load_encoder(small_run / "model" / "encoders" / name).width for name in ("audio", "face", "text")}
    assert fusion.widths == widths == {"audio": 16, "face": 16, "text": 32}


def test_a_pickle_is_not_loaded(small_run: Path, tmp_path: Path) -> None:
    shutil.copytree(small_run / "model" / "fusion", tmp_path / "fusion")
    (tmp_path / "fusion" / "model.safetensors").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(WeightsError, match="is not a safetensors file .*pickled weights are not loaded"):
        load_fusion(tmp_path / "fusion")


def test_an_encoder_of_the_future(small_run: Path, tmp_path: Path) -> None:
    shutil.copytree(small_run / "model" / "encoders" / "audio", tmp_path / "audio")
    settings = json.loads((tmp_path / "audio" / "config.json").read_text())
    (tmp_path / "audio" / "config.json").write_text(json.dumps(settings | {"encoder": "telepathy"}))
    with pytest.raises(RunError, match='an encoder "telepathy" that this mmerc does not know'):
        load_encoder(tmp_path / "audio")


def test_the_card_says_what_it_is_and_what_it_is_not_for(small_run: Path) -> None:
    card = (small_run / "model" / "README.md").read_text()
    for part in ("anger, disgust, fear", "- text: gpt", "Dev f1_weighted:", "Do not decide about a person by it"):
        assert part in card
